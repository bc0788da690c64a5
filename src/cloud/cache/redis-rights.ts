import type { CacheSpace } from './port.ts';
import { isErrorReply, type RedisConnection } from './redis-connection.ts';

/** Commands that tell about other tenants' keys and channels, or reach beyond patterns, although their category is a harmless one. */
const betraying = ['scan', 'randomkey', 'dbsize', 'keys', 'move', 'pubsub', 'sort', 'sort_ro', 'lolwut'];

/** What clients need to open a connection. The category would also allow CLIENT TRACKING, which can report every key that changes. */
const connecting = [
  'auth',
  'hello',
  'ping',
  'echo',
  'quit',
  'reset',
  'command',
  'client|id',
  'client|getname',
  'client|setname',
];

/** The rules of ACL SETUSER for a tenant. Categories first: what is taken away afterwards stays away. */
export function rightsOf({ keyPrefix }: CacheSpace): string[] {
  return [
    `~${keyPrefix}*`,
    'resetchannels',
    `&${keyPrefix}*`,
    '-@all',
    ...['+@read', '+@write', '+@pubsub', '+@transaction'],
    ...['-@admin', '-@dangerous', '-@scripting'],
    ...betraying.map((command) => `-${command}`),
    ...connecting.map((command) => `+${command}`),
  ];
}

/** Tries, as the tenant, what must work and what must be refused. What is wrong; empty when nothing is. */
export async function tryRights(redis: RedisConnection, { keyPrefix }: CacheSpace): Promise<string[]> {
  const problems: string[] = [];
  const own = `${keyPrefix}.tenantry-probe`;
  await redis.send(['SET', own, 'probe', 'EX', '60']);
  if ((await redis.send(['GET', own])) !== 'probe') {
    problems.push('what is written is not what is read');
  }
  await redis.send(['DEL', own]);
  await redis.send(['PUBLISH', own, 'probe']);

  // A prefix of a prefix, and a stranger's.
  const foreign = `${keyPrefix.slice(0, -1)}-x:probe`;
  const forbidden = [
    ['GET', foreign],
    ['SET', foreign, 'x'],
    ['COPY', own, foreign],
    ['PUBLISH', foreign, 'x'],
    ['SUBSCRIBE', foreign],
    ['PSUBSCRIBE', '*'],
    ['PUBSUB', 'CHANNELS'],
    ['SCAN', '0'],
    ['KEYS', '*'],
    ['RANDOMKEY'],
    ['DBSIZE'],
    ['SELECT', '1'],
    ['FLUSHALL'],
    ['CONFIG', 'GET', '*'],
    ['ACL', 'LIST'],
    ['CLIENT', 'LIST'],
    ['CLIENT', 'TRACKING', 'ON', 'BCAST'],
    ['MONITOR'],
    ['INFO'],
    ['EVAL', 'return 1', '0'],
  ];
  for (const command of forbidden) {
    if (!(await isRefused(redis, command))) {
      problems.push(`the tenant may ${command.slice(0, 2).join(' ')}`);
    }
  }
  return problems;
}

async function isRefused(redis: RedisConnection, command: readonly string[]): Promise<boolean> {
  try {
    await redis.send(command);
    return false;
  } catch (error) {
    if (isErrorReply(error, 'NOPERM')) {
      return true;
    }
    throw error;
  }
}
