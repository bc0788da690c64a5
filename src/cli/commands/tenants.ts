import { Command } from 'commander';
import type { Operations, Tenant } from '../generated/api.ts';
import { given, type PageOptions, withPage, withYes } from '../options.ts';
import { saveStream } from '../save-stream.ts';
import type { Tools } from '../tools.ts';

interface CreateOptions {
  file?: string;
  slug?: string;
  purpose?: string;
  adminName?: string;
  adminEmail?: string;
}

/** `tenants`: made, read and looked after. */
export function tenantsCommand(tools: Tools): Command {
  const tenants = new Command('tenants').description('tenants of the server');
  const add = (name: string, description: string) => {
    const command = new Command(name).description(description);
    tenants.addCommand(command);
    return command;
  };

  withPage(add('list', 'list them, newest first')).action(async (query: PageOptions) => {
    const answer = await (await tools.api()).call('listTenants', { query });
    tools.list(answer, answer.tenants, [
      ['slug', ({ slug }: Tenant) => slug],
      ['name', ({ name }) => name],
      ['status', ({ status }) => status],
      ['onboarding', ({ onboardingStatus }) => onboardingStatus],
      ['created', ({ createdAt }) => createdAt],
    ]);
  });

  add('get', 'show one in full')
    .argument('<slug>')
    .action(async (slug: string) =>
      tools.show(await (await tools.api()).call('getTenant', { path: { slug } })),
    );

  add('create', 'create one that needs no further approval')
    .argument('<name>', 'its display name')
    .option('--slug <slug>', 'its identifier; made from the name when absent')
    .option('--purpose <text>', 'what it is for')
    .option('--admin-name <name>', 'its initial admin')
    .option('--admin-email <address>', 'where the invitation goes')
    .option('--file <path>', 'further fields as JSON (- for the input)')
    .action(async (name: string, { file, adminName, adminEmail, ...rest }: CreateOptions) => {
      const fields = file === undefined ? {} : await tools.readJson(file);
      const admin =
        adminName === undefined && adminEmail === undefined
          ? {}
          : { admin: { name: adminName ?? '', email: adminEmail ?? '' } };
      const body = { ...fields, ...given(rest), ...admin, name } as Operations['createTenant']['body'];
      const api = await tools.api();
      tools.show(await api.call('createTenant', { body, idempotencyKey: tools.idempotencyKey() }));
    });

  add('suspend', 'to outsiders it does not exist')
    .argument('<slug>')
    .requiredOption('--reason <text>', 'why')
    .action(async (slug: string, body: { reason: string }) =>
      tools.show(await (await tools.api()).call('suspendTenant', { path: { slug }, body })),
    );

  add('resume', 'lift its suspension')
    .argument('<slug>')
    .action(async (slug: string) =>
      tools.show(await (await tools.api()).call('resumeTenant', { path: { slug }, body: {} })),
    );

  withYes(add('delete', 'delete it when its grace period has ended'))
    .argument('<slug>')
    .option('--reason <text>', 'why')
    .action(async (slug: string, { reason }: { reason?: string }) =>
      tools.show(await (await tools.api()).call('deleteTenant', { path: { slug }, body: given({ reason }) })),
    );

  add('restore', 'take its deletion back')
    .argument('<slug>')
    .action(async (slug: string) =>
      tools.show(await (await tools.api()).call('restoreTenant', { path: { slug }, body: {} })),
    );

  add('health', 'how it was found when it was last looked at')
    .argument('<slug>')
    .action(async (slug: string) =>
      tools.show(await (await tools.api()).call('getTenantHealth', { path: { slug } })),
    );

  add('export', 'everything in it as NDJSON, without credentials')
    .argument('<slug>')
    .option('-o, --output <file>', 'a new file')
    .action(async (slug: string, { output }: { output?: string }) =>
      saveStream(
        tools.terminal,
        await (await tools.api()).stream('exportTenant', { path: { slug } }),
        output,
      ),
    );

  return tenants;
}
