import { Command, CommanderError } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { apiCommand } from './commands/api.ts';
import { applicationTenantsCommand } from './commands/application-tenants.ts';
import { auditCommand } from './commands/audit.ts';
import { clientsCommand } from './commands/clients.ts';
import { addCompletion } from './commands/completion.ts';
import { doctorCommand } from './commands/doctor.ts';
import { keysCommand } from './commands/keys.ts';
import { loginCommands } from './commands/login.ts';
import { registrationsCommand } from './commands/registrations.ts';
import { resourcesCommand } from './commands/resources.ts';
import { tenantsCommand } from './commands/tenants.ts';
import { usersCommand } from './commands/users.ts';
import { exitCodes, explain } from './failure.ts';
import type { Terminal } from './terminal.ts';
import { createTools } from './tools.ts';

/** Runs one command and returns its exit code; never rejects. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = createProgram(terminal);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) {
      // It has said what is wrong, or what was asked for.
      return error.exitCode === 0 ? 0 : exitCodes.usage;
    }
    const { exitCode, text } = explain(error);
    terminal.err(text);
    return exitCode;
  }
}

/** The whole command tree. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command('tenantry');
  const tools = createTools(terminal, program);
  program
    .description('Manages a Tenantry server through its admin API.')
    .version(manifest.version)
    .option('-s, --server <url>', 'the server (TENANTRY_SERVER; otherwise the one signed in to last)')
    .option('--json', 'print what the server answered, as JSON')
    .showHelpAfterError('Try --help.')
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err });
  for (const command of [
    ...loginCommands(tools),
    registrationsCommand(tools),
    tenantsCommand(tools),
    clientsCommand(tools),
    resourcesCommand(tools),
    usersCommand(tools),
    applicationTenantsCommand(tools),
    keysCommand(tools),
    auditCommand(tools),
    apiCommand(tools),
    doctorCommand(tools),
  ]) {
    program.addCommand(command);
  }
  addCompletion(program, tools);
  settle(program, terminal);
  return program;
}

/** What commander asks of every command by itself: to throw instead of ending the process, and to write where it is told to. */
function settle(command: Command, terminal: Terminal): void {
  command.exitOverride().configureOutput({ writeOut: terminal.out, writeErr: terminal.err });
  for (const inner of command.commands) {
    settle(inner, terminal);
  }
}
