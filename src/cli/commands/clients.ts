import { Command, Option } from 'commander';
import type { Client, Operations } from '../generated/api.ts';
import { collect, given, type PageOptions, parseCount, withPage, withTenant, withYes } from '../options.ts';
import type { Tools } from '../tools.ts';

interface OfTenant {
  tenant?: string;
}

interface CreateOptions extends OfTenant {
  type: Client['type'];
  id?: string;
  redirectUri?: string[];
  scope?: string[];
  file?: string;
}

/** `clients`: the OAuth clients of a tenant. */
export function clientsCommand(tools: Tools): Command {
  const clients = new Command('clients').description('OAuth clients of a tenant');
  const add = (name: string, description: string) => {
    const command = withTenant(new Command(name).description(description));
    clients.addCommand(command);
    return command;
  };

  withPage(add('list', 'list them')).action(async ({ tenant, ...query }: OfTenant & PageOptions) => {
    const slug = tools.tenant(given({ tenant }));
    const answer = await (await tools.api()).call('listClients', { path: { slug }, query });
    tools.list(answer, answer.clients, [
      ['client', ({ clientId }: Client) => clientId],
      ['name', ({ name }) => name],
      ['type', ({ type }) => type],
      ['enabled', ({ enabled }) => (enabled ? 'yes' : 'no')],
      ['created', ({ createdAt }) => createdAt],
    ]);
  });

  add('get', 'show one')
    .argument('<client-id>')
    .action(async (clientId: string, options: OfTenant) => {
      const path = { slug: tools.tenant(options), clientId };
      tools.show(await (await tools.api()).call('getClient', { path }));
    });

  add('create', 'create one; a secret is shown this once')
    .argument('<name>', 'shown to users')
    .addOption(
      new Option('--type <type>', 'what it is')
        .choices(['web', 'spa', 'native', 'device', 'm2m'])
        .makeOptionMandatory(),
    )
    .option('--id <client-id>', 'chosen by the server when absent')
    .option('--redirect-uri <uri>', 'where users return to; may be repeated', collect)
    .option('--scope <scope>', 'an API scope that it may ask for; may be repeated', collect)
    .option('--file <path>', 'further fields as JSON (- for the input)')
    .action(async (name: string, { tenant, file, type, id, redirectUri, scope }: CreateOptions) => {
      const slug = tools.tenant(given({ tenant }));
      const body = {
        ...(file === undefined ? {} : await tools.readJson(file)),
        ...given({ clientId: id, redirectUris: redirectUri, scopes: scope }),
        name,
        type,
      } as Operations['createClient']['body'];
      const api = await tools.api();
      tools.show(
        await api.call('createClient', { path: { slug }, body, idempotencyKey: tools.idempotencyKey() }),
      );
    });

  add('change', 'change one by a JSON merge patch: null takes a field away')
    .argument('<client-id>')
    .requiredOption('--file <path>', 'the fields to change as JSON (- for the input)')
    .option('--if-match <etag>', 'only if it is still what you have seen', '*')
    .action(
      async (
        clientId: string,
        { file, ifMatch, ...options }: OfTenant & { file: string; ifMatch: string },
      ) => {
        const path = { slug: tools.tenant(options), clientId };
        const body = (await tools.readJson(file)) as Operations['changeClient']['body'];
        tools.show(await (await tools.api()).call('changeClient', { path, body, ifMatch }));
      },
    );

  add('rotate-secret', 'give it a new secret; the former one counts for a while')
    .argument('<client-id>')
    .option('--grace-seconds <seconds>', 'how long', parseCount)
    .action(async (clientId: string, { tenant, ...body }: OfTenant & { graceSeconds?: number }) => {
      const path = { slug: tools.tenant(given({ tenant })), clientId };
      tools.show(await (await tools.api()).call('rotateClientSecret', { path, body }));
    });

  withYes(add('delete', 'delete one'))
    .argument('<client-id>')
    .action(async (clientId: string, { tenant }: OfTenant) => {
      const path = { slug: tools.tenant(given({ tenant })), clientId };
      tools.show(await (await tools.api()).call('deleteClient', { path, body: {} }));
    });

  return clients;
}
