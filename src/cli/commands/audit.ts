import { Command, Option } from 'commander';
import { Failure } from '../failure.ts';
import type { AuditEvent } from '../generated/api.ts';
import { given, type PageOptions, withPage, withTenant } from '../options.ts';
import { saveStream } from '../save-stream.ts';
import type { Tools } from '../tools.ts';

interface Whose {
  tenant?: string | undefined;
  platform?: true | undefined;
}

interface Picks extends Whose {
  event?: string;
  actor?: string;
  from?: string;
  to?: string;
}

/** `audit`: the log of the platform, or that of one tenant. */
export function auditCommand(tools: Tools): Command {
  const audit = new Command('audit').description('the audit log of one tenant, or of all when none is named');
  const add = (name: string, description: string) => {
    const command = withTenant(new Command(name).description(description)).addOption(
      new Option('--platform', 'of all tenants, whatever TENANTRY_TENANT says').conflicts('tenant'),
    );
    audit.addCommand(command);
    return command;
  };
  /** Undefined: the log of all. */
  const tenantOf = ({ tenant = tools.terminal.env.TENANTRY_TENANT, platform }: Whose) =>
    platform || tenant === '' ? undefined : tenant;
  const withPicks = (command: Command) =>
    command
      .option('--event <name>', 'only these events')
      .option('--actor <who>', 'only what this account, client or e-mail address did')
      .option('--from <time>', 'from this moment on (RFC 3339)')
      .option('--to <time>', 'before this moment');

  withPicks(withPage(add('list', 'list events, newest first'))).action(
    async ({ tenant: named, platform, ...query }: Picks & PageOptions) => {
      const tenant = tenantOf({ tenant: named, platform });
      const api = await tools.api();
      const answer =
        tenant === undefined
          ? await api.call('listAudit', { query })
          : await api.call('listTenantAudit', { path: { slug: tenant }, query });
      tools.list(answer, answer.events, [
        ['at', ({ at }: AuditEvent) => at],
        ['event', ({ event }) => event],
        ['actor', ({ actor }) => actor.email ?? `${actor.kind}:${actor.id}`],
        ['tenant', ({ tenantId }) => tenantId],
      ]);
    },
  );

  add('verify', 'recompute the chain of events and compare it with what was signed').action(
    async (options: Whose) => {
      const api = await tools.api();
      const tenant = tenantOf(options);
      const report =
        tenant === undefined
          ? await api.call('verifyAudit', {})
          : await api.call('verifyTenantAudit', { path: { slug: tenant } });
      tools.show(report);
      if (!report.intact) {
        throw new Failure('failed', 'The audit log is not intact.');
      }
    },
  );

  withPicks(add('export', 'export it as NDJSON, for scripts/verify-audit.ts'))
    .option('-o, --output <file>', 'a new file')
    .action(async ({ tenant: named, platform, output, ...picks }: Picks & { output?: string }) => {
      const tenant = tenantOf({ tenant: named, platform });
      const api = await tools.api();
      const query = given(picks);
      const stream =
        tenant === undefined
          ? await api.stream('exportAudit', { query })
          : await api.stream('exportTenantAudit', { path: { slug: tenant }, query });
      await saveStream(tools.terminal, stream, output);
    });

  return audit;
}
