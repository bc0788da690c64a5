import { Command, Option } from 'commander';
import type { Keys, SigningKey } from '../generated/api.ts';
import { given, withTenant, withYes } from '../options.ts';
import type { Tools } from '../tools.ts';

interface OfTenant {
  tenant?: string;
}

/** `keys`: the signing and cookie keys of a tenant. */
export function keysCommand(tools: Tools): Command {
  const keys = new Command('keys').description('signing and cookie keys of a tenant');
  const add = (name: string, description: string) => {
    const command = withTenant(new Command(name).description(description));
    keys.addCommand(command);
    return command;
  };

  function list(answer: Keys): void {
    const cookieKeys = answer.cookieKeys.map((key) => ({ ...key, kid: key.id, alg: 'cookies' }));
    tools.list(
      answer,
      [...answer.keys, ...cookieKeys],
      [
        ['key', ({ kid }: Omit<SigningKey, 'alg'>) => kid],
        ['use', (key) => ('alg' in key ? key.alg : '')],
        ['state', ({ state }) => state],
        ['created', ({ createdAt }) => createdAt],
        ['next', ({ next }) => (next === undefined ? undefined : `${next.state} at ${next.at}`)],
      ],
    );
  }

  add('list', 'list them').action(async (options: OfTenant) => {
    const path = { slug: tools.tenant(options) };
    list(await (await tools.api()).call('listKeys', { path }));
  });

  add('rotate', 'begin to replace the active signing key')
    .addOption(
      new Option('--alg <algorithm>', "the default key's when absent").choices(['ES256', 'RS256', 'PS256']),
    )
    .action(async ({ tenant, ...body }: OfTenant & { alg?: SigningKey['alg'] }) => {
      const path = { slug: tools.tenant(given({ tenant })) };
      list(await (await tools.api()).call('rotateKey', { path, body }));
    });

  withYes(add('revoke', 'withdraw a signing key at once: what it signed counts no more'))
    .argument('<key-id>')
    .requiredOption('--reason <text>', 'why')
    .action(async (kid: string, { tenant, reason }: OfTenant & { reason: string }) => {
      const path = { slug: tools.tenant(given({ tenant })), kid };
      list(await (await tools.api()).call('revokeKey', { path, body: { reason } }));
    });

  add('rotate-cookies', 'begin to replace the cookie key; nobody is signed out').action(
    async (options: OfTenant) => {
      const path = { slug: tools.tenant(options) };
      list(await (await tools.api()).call('rotateCookieKey', { path, body: {} }));
    },
  );

  withYes(add('revoke-cookies', 'withdraw all cookie keys: everybody is signed out'))
    .requiredOption('--reason <text>', 'why')
    .action(async ({ tenant, reason }: OfTenant & { reason: string }) => {
      const path = { slug: tools.tenant(given({ tenant })) };
      list(await (await tools.api()).call('revokeCookieKeys', { path, body: { reason } }));
    });

  return keys;
}
