/**
 * The cache port on Redis 7 or later, whose access control lists keep tenants apart (B6).
 *
 * Owns: one ACL user per tenant, its rights (redis-rights.ts), and the keys below its prefix. Does not own: the server, and connections of
 * tenants' services; a connection of this process lives for one operation.
 *
 * The user's name is fixed by the slug, so whoever has the slug next replaces it, and no earlier password stays good.
 */
import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { AppError } from '../../kernel/errors.ts';
import type { Slug, TenantId } from '../../kernel/ids.ts';
import { Secret } from '../../kernel/secret.ts';
import type { OwnedResource, ResourceOwner } from '../resource-owner.ts';
import type { CacheSpace, Caches } from './port.ts';
import { connectRedis, isErrorReply, type RedisConnection } from './redis-connection.ts';
import { rightsOf, tryRights } from './redis-rights.ts';

export interface RedisOptions {
  /** `redis://` or `rediss://`, with an administrator's credentials and no database number. */
  url: Secret;
  /** Name of this deployment, in the key of its list of users. */
  deployment: string;
  log: Logger;
}

const scanCount = 500;

export function createRedisCaches({ url, deployment, log }: RedisOptions): Caches {
  /** Slug to tenant id of each user that this deployment made: users have no tags. No tenant's prefix reaches it. */
  const listKey = `tenantry:${deployment}:users`;
  const spaceOf = ({ slug }: ResourceOwner): CacheSpace => ({
    username: `tenant-${slug}`,
    keyPrefix: `tenant:${slug}:`,
  });

  function urlFor(owner: ResourceOwner, password: string): Secret {
    const ofTenant = new URL(url.reveal());
    ofTenant.username = spaceOf(owner).username;
    ofTenant.password = password;
    return new Secret(ofTenant.href);
  }

  async function asAdministrator<T>(work: (redis: RedisConnection) => Promise<T>): Promise<T> {
    try {
      await using redis = await connectRedis(url, log);
      return await work(redis);
    } catch (error) {
      throw translate(error);
    }
  }

  async function exists(redis: RedisConnection, username: string): Promise<boolean> {
    return (await redis.send(['ACL', 'GETUSER', username])) !== null;
  }

  async function removeKeys(redis: RedisConnection, keyPrefix: string): Promise<void> {
    for (let cursor = '0'; ; ) {
      const [next, keys] = (await redis.send([
        'SCAN',
        cursor,
        // A slug has no character that means something in a pattern.
        ...['MATCH', `${keyPrefix}*`],
        ...['COUNT', String(scanCount)],
      ])) as [string, string[]];
      if (keys.length > 0) {
        await redis.send(['UNLINK', ...keys]);
      }
      cursor = next;
      if (cursor === '0') {
        return;
      }
    }
  }

  return {
    at: new URL(url.reveal()).host,

    find: (owner) =>
      asAdministrator(async (redis) => {
        const space = spaceOf(owner);
        return (await exists(redis, space.username)) ? space : undefined;
      }),

    create: (owner, password) =>
      asAdministrator(async (redis) => {
        const space = spaceOf(owner);
        if (!(await exists(redis, space.username))) {
          await removeKeys(redis, space.keyPrefix);
        }
        await redis.send(['HSET', listKey, owner.slug, owner.tenantId]);
        // The hash: commands can be watched on the server.
        const hash = createHash('sha256').update(password).digest('hex');
        await redis.send(['ACL', 'SETUSER', space.username, 'reset', 'on', `#${hash}`, ...rightsOf(space)]);
        await redis.send(['ACL', 'SAVE']);
        return space;
      }),

    urlFor,

    async inspect(owner, password) {
      try {
        await using redis = await connectRedis(urlFor(owner, password), log);
        return await tryRights(redis, spaceOf(owner));
      } catch (error) {
        if (isErrorReply(error, 'WRONGPASS')) {
          return ['the tenant cannot sign in'];
        }
        throw translate(error);
      }
    },

    remove: (owner) =>
      asAdministrator(async (redis) => {
        const { username, keyPrefix } = spaceOf(owner);
        const holder = (await redis.send(['HGET', listKey, owner.slug])) as string | null;
        if (holder !== null && holder !== owner.tenantId) {
          return;
        }
        // Ends the user's connections too.
        await redis.send(['ACL', 'DELUSER', username]);
        await redis.send(['ACL', 'SAVE']);
        await removeKeys(redis, keyPrefix);
        await redis.send(['HDEL', listKey, owner.slug]);
      }),

    list: () =>
      asAdministrator(async (redis) => {
        const entries = (await redis.send(['HGETALL', listKey])) as string[];
        const found: OwnedResource[] = [];
        for (let index = 0; index < entries.length; index += 2) {
          const owner = { slug: entries[index] as Slug, tenantId: entries[index + 1] as TenantId };
          const { username } = spaceOf(owner);
          if (await exists(redis, username)) {
            found.push({ name: username, owner });
          }
        }
        return found;
      }),

    async problems() {
      try {
        return await asAdministrator(async (redis) => {
          await redis.send(['ACL', 'SAVE']);
          return [];
        });
      } catch (error) {
        if (error instanceof AppError && isErrorReply(error.cause)) {
          return ['the cache server keeps no users over a restart: it needs an aclfile'];
        }
        throw error;
      }
    },
  };
}

function translate(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AppError) {
    return error;
  }
  if (isErrorReply(error) && !isErrorReply(error, 'LOADING') && !isErrorReply(error, 'MASTERDOWN')) {
    return new AppError('server_error', 'The cache refused an operation.', {
      detail: error.message.split(' ')[0] ?? '',
      cause: error,
    });
  }
  return new AppError('temporarily_unavailable', 'The cache cannot answer at the moment.', { cause: error });
}
