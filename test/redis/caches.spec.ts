import { expect, inject, it } from 'vitest';
import { createRedisCaches } from '../../src/cloud/cache/redis.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { cachesConformance, connectedTo } from '../conformance/caches.ts';
import { freshOwner } from '../conformance/owners.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { silentLog } from '../support/services.ts';

const url = new Secret(inject('redisUrl'));
const open = (at = url) => createRedisCaches({ url: at, deployment: 'test', log: silentLog });

cachesConformance('redis', async () => open());

/** Commands without a key that a tenant may give. Whatever a later server adds to the categories makes this list differ. */
const harmless = [
  ...['auth', 'hello', 'ping', 'echo', 'quit', 'reset', 'command'],
  ...['multi', 'exec', 'discard', 'unwatch'],
  // To a channel below the prefix, which is what is tried.
  ...['subscribe', 'unsubscribe', 'punsubscribe', 'publish'],
];

it('allows no command beyond keys and channels but harmless ones', async () => {
  const owner = freshOwner();
  const { username } = await open().create(owner, 'password');
  const admin = await connectedTo(url);
  const commands = (await admin.sendCommand(['COMMAND'])) as [string, number, string[], number][];
  const allowed: string[] = [];
  for (const [name, arity, flags, firstKey] of commands) {
    if (firstKey !== 0 || flags.includes('movablekeys')) {
      continue;
    }
    const words = Array.from({ length: Math.abs(arity) - 1 }, () => `tenant:${owner.slug}:x`);
    const verdict = await admin
      .sendCommand(['ACL', 'DRYRUN', username, name, ...words])
      .catch((error: Error) => error.message);
    if (verdict === 'OK') {
      allowed.push(name);
    }
  }
  expect(allowed.sort()).toEqual([...harmless].sort());
  admin.destroy();
  await open().remove(owner);
});

it('says what a tenant may do beyond its rights', async () => {
  const owner = freshOwner();
  const { username } = await open().create(owner, 'password');
  const admin = await connectedTo(url);
  await admin.sendCommand(['ACL', 'SETUSER', username, '+scan', '+info', 'allkeys']);
  expect(await open().inspect(owner, 'password')).toEqual(
    expect.arrayContaining([
      'the tenant may SCAN 0',
      'the tenant may INFO',
      expect.stringMatching(/^the tenant may GET /),
    ]),
  );
  admin.destroy();
  await open().remove(owner);
});

it('never shows the password to whoever watches the server', async () => {
  const owner = freshOwner();
  const admin = await connectedTo(url);
  await admin.sendCommand(['CONFIG', 'SET', 'slowlog-log-slower-than', '0']);
  await open().create(owner, 'a-generated-password');
  const log = JSON.stringify(await admin.sendCommand(['SLOWLOG', 'GET', '50']));
  await admin.sendCommand(['CONFIG', 'SET', 'slowlog-log-slower-than', '10000']);
  expect(log).toContain('SETUSER');
  expect(log).not.toContain('a-generated-password');
  admin.destroy();
  await open().remove(owner);
});

it('keeps its users over a restart of the server', async () => {
  const server = await startRedisServer();
  try {
    const caches = open(server?.url);
    const owner = freshOwner();
    await caches.create(owner, 'password');
    await server?.restart();
    expect(await caches.inspect(owner, 'password')).toEqual([]);
  } finally {
    await server?.stop();
  }
});

it('is unavailable for now when the server does not answer', async () => {
  const caches = open(new Secret('redis://127.0.0.1:1'));
  await expect(caches.find(freshOwner())).rejects.toMatchObject({ code: 'temporarily_unavailable' });
});

it('refuses to work for an administrator who may not manage users', async () => {
  const owner = freshOwner();
  await open().create(owner, 'password');
  const asTenant = open(open().urlFor(owner, 'password'));
  await expect(asTenant.create(freshOwner(), 'x')).rejects.toMatchObject({
    code: 'server_error',
    detail: 'NOPERM',
  });
  await open().remove(owner);
});
