import { Command } from 'commander';
import type { ApplicationTenant } from '../generated/api.ts';
import { given, type PageOptions, withPage, withTenant } from '../options.ts';
import type { Tools } from '../tools.ts';

interface OfTenant {
  tenant?: string;
}

/** `application-tenants`: a tenant's own customers (E2). */
export function applicationTenantsCommand(tools: Tools): Command {
  const command = new Command('application-tenants').description("a tenant's own customers");
  const add = (name: string, description: string) => {
    const inner = withTenant(new Command(name).description(description));
    command.addCommand(inner);
    return inner;
  };

  withPage(add('list', 'list them')).action(async ({ tenant, ...query }: OfTenant & PageOptions) => {
    const path = { slug: tools.tenant(given({ tenant })) };
    const answer = await (await tools.api()).call('listApplicationTenants', { path, query });
    tools.list(answer, answer.applicationTenants, [
      ['id', ({ id }: ApplicationTenant) => id],
      ['slug', ({ slug }) => slug],
      ['name', ({ name }) => name],
      ['status', ({ status }) => status],
    ]);
  });

  add('get', 'show one')
    .argument('<id>', 'its id or slug')
    .action(async (applicationTenantId: string, options: OfTenant) => {
      const path = { slug: tools.tenant(options), applicationTenantId };
      tools.show(await (await tools.api()).call('getApplicationTenant', { path }));
    });

  add('create', 'create one')
    .argument('<name>', 'its display name')
    .option('--slug <slug>', 'its identifier; made from the name when absent')
    .action(async (name: string, { tenant, slug }: OfTenant & { slug?: string }) => {
      const path = { slug: tools.tenant(given({ tenant })) };
      const body = { ...given({ slug }), name };
      const api = await tools.api();
      tools.show(
        await api.call('createApplicationTenant', { path, body, idempotencyKey: tools.idempotencyKey() }),
      );
    });

  return command;
}
