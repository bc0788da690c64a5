import { Command, Option } from 'commander';
import type { ApiResource, Operations } from '../generated/api.ts';
import { collect, given, parseCount, withTenant } from '../options.ts';
import type { Tools } from '../tools.ts';

interface CreateOptions {
  tenant?: string;
  name: string;
  scope?: string[];
  format: ApiResource['accessTokenFormat'];
  ttl: number;
}

/** `resources`: the APIs of a tenant that take access tokens. */
export function resourcesCommand(tools: Tools): Command {
  const resources = new Command('resources').description('APIs of a tenant (RFC 8707)');

  resources.addCommand(
    withTenant(new Command('list').description('list them')).action(async (options: { tenant?: string }) => {
      const path = { slug: tools.tenant(options) };
      const answer = await (await tools.api()).call('listResources', { path });
      tools.list(answer, answer.resources, [
        ['indicator', ({ indicator }: ApiResource) => indicator],
        ['name', ({ name }) => name],
        ['scopes', ({ scopes }) => scopes],
        ['tokens', ({ accessTokenFormat }) => accessTokenFormat],
      ]);
    }),
  );

  resources.addCommand(
    withTenant(new Command('create').description('create one'))
      .argument('<indicator>', 'the absolute URI that clients ask for')
      .requiredOption('--name <name>', 'shown to users')
      .option('--scope <scope>', 'a scope that it has; may be repeated', collect)
      .addOption(new Option('--format <format>', 'of its tokens').choices(['jwt', 'opaque']).default('jwt'))
      .option('--ttl <seconds>', 'how long its tokens are valid', parseCount, 3600)
      .action(async (indicator: string, { tenant, name, scope = [], format, ttl }: CreateOptions) => {
        const path = { slug: tools.tenant(given({ tenant })) };
        const body: Operations['createResource']['body'] = {
          indicator,
          name,
          scopes: scope,
          accessTokenFormat: format,
          accessTokenTtlSeconds: ttl,
        };
        tools.show(await (await tools.api()).call('createResource', { path, body }));
      }),
  );

  return resources;
}
