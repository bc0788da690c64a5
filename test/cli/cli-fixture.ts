import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../src/cli/run-cli.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

export interface Run {
  code: number;
  out: string;
  err: string;
}

/** One user of the command line, with a home of their own. Nobody waits: `sleep` runs `whileWaiting` instead. */
export async function createCliUser({ server, env = {} }: { server: string; env?: Record<string, string> }) {
  const home = await mkdtemp(join(tmpdir(), 'tenantry-cli-'));
  const user = {
    configDirectory: join(home, 'tenantry'),
    /** Added to the machine's clock, in milliseconds. */
    clockOffset: 0,
    /** With every pause of a command, the error stream so far. */
    whileWaiting: async (_err: string): Promise<void> => {},
    home,

    async run(args: readonly string[], more: Partial<Terminal> = {}): Promise<Run> {
      const run: Run = { code: 0, out: '', err: '' };
      const terminal: Terminal = {
        env: { TENANTRY_SERVER: server, ...env },
        out: (text) => {
          run.out += text;
        },
        err: (text) => {
          run.err += text;
        },
        fetch,
        now: () => Date.now() + user.clockOffset,
        sleep: () => user.whileWaiting(run.err),
        timeLimit: (ms) => AbortSignal.timeout(ms),
        configDirectory: user.configDirectory,
        ...more,
      };
      run.code = await runCli(args, terminal);
      return run;
    },

    /** The answer of a command with `--json`; throws when it fails. */
    // biome-ignore lint/suspicious/noExplicitAny: answers have many shapes, and the tests are what says which.
    async json(...args: string[]): Promise<any> {
      const { code, out, err } = await user.run(['--json', ...args]);
      if (code !== 0) {
        throw new Error(`tenantry ${args.join(' ')} ended with ${code}: ${err}`);
      }
      return JSON.parse(out);
    },

    close: () => rm(home, { recursive: true, force: true }),
  };
  return user;
}

export type CliUser = Awaited<ReturnType<typeof createCliUser>>;
