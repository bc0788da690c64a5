/**
 * The command line: a client of the admin API like any other. It knows the server by nothing but the generated client, and imports nothing of
 * the product but that and the kernel. Commands print for people, or with `--json` what the server answered; failures go to the error
 * stream, and the exit code says of which kind they are (docs/cli.md).
 */

import { runCli } from './run-cli.ts';
import { systemTerminal } from './terminal.ts';

process.exitCode = await runCli(process.argv.slice(2), systemTerminal());
