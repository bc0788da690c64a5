import { type Command, InvalidArgumentError, Option } from 'commander';

export interface PageOptions {
  limit?: number;
  cursor?: string;
}

/** `--limit` and `--cursor`, as every list of the API has them. */
export function withPage(command: Command): Command {
  return command
    .option('--limit <number>', 'how many at most (1 to 100)', parseCount)
    .option('--cursor <cursor>', 'go on where the list before ended');
}

export function withTenant(command: Command): Command {
  return command.option('-t, --tenant <slug>', 'the tenant (TENANTRY_TENANT)');
}

/** Asked for by what cannot be taken back. */
export function withYes(command: Command): Command {
  return command.addOption(new Option('--yes', 'yes, really').makeOptionMandatory());
}

export function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) {
    throw new InvalidArgumentError('It must be a number.');
  }
  return Number(text);
}

/** For options that may be given several times. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** The options that were given, by the names that the API has for them. */
export function given<Options extends object>(options: Options): Partial<Options> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Partial<Options>;
}
