/**
 * API keys of one tenant (B13): bearer credentials of scripts for its part of the admin API. A key names its record and carries 256 random bits, of
 * which only the hash is stored; a fast hash is enough for them. It does what its scopes say until it expires or is revoked, whatever
 * becomes of whoever created it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { ConditionFailed, type Item, type Table } from '../cloud/tables/port.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { type Random, randomId } from '../kernel/random.ts';

export interface ApiKey {
  /** `tnk_…`: the part of the key that is no secret, by which it is recognised. */
  id: string;
  name: string;
  scopes: readonly string[];
  /** The one application tenant that it reaches (E2); absent: the whole tenant. */
  applicationTenantId?: string;
  createdBy: string;
  /** ISO 8601. */
  createdAt: string;
  expiresAt: string;
  /** To the hour; absent: never used. */
  lastUsedAt?: string;
}

export interface ApiKeys {
  /** `secret` is the whole key, shown here and never again. */
  create(input: {
    name: string;
    scopes: readonly string[];
    applicationTenantId?: string | undefined;
    createdBy: string;
    expiresInSeconds: number;
  }): Promise<{ apiKey: ApiKey; secret: string }>;
  /** Keys that have expired are gone. */
  get(id: string): Promise<ApiKey | undefined>;
  /** Those of one application tenant, or all; a page may hold less than its limit and still not be the last. */
  list(page: {
    applicationTenantId?: string | undefined;
    limit: number;
    cursor?: string | undefined;
  }): Promise<{ apiKeys: ApiKey[]; cursor?: string }>;
  /** The key that this is the whole of. */
  verify(secret: string): Promise<ApiKey | undefined>;
  /** Notes that the key was used, at most once an hour. Never brings a revoked key back. */
  markUsed(apiKey: ApiKey): Promise<void>;
  /** Idempotent. */
  revoke(id: string): Promise<void>;
}

const partition = 'ApiKey';
const idForm = /^tnk_[0-9a-f]{16}$/;
const keyForm = /^(tnk_[0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;
const usedEveryMs = 60 * 60 * 1000;

/** Whether the bearer credential is a key, however wrong. */
export function isApiKey(credential: string): boolean {
  return credential.startsWith('tnk_');
}

export function createApiKeys({
  table,
  clock,
  random,
}: {
  table: Table;
  clock: Clock;
  random: Random;
}): ApiKeys {
  const isAlive = (item: Item) => Number(item.expiresAt) > epochSeconds(clock);

  async function read(id: string): Promise<Item | undefined> {
    const item = idForm.test(id) ? await table.get({ pk: partition, sk: id }) : undefined;
    return item !== undefined && isAlive(item) ? item : undefined;
  }

  return {
    async create({ name, scopes, applicationTenantId, createdBy, expiresInSeconds }) {
      const id = `tnk_${random.bytes(8).toString('hex')}`;
      const secret = randomId(random, 32);
      const item = {
        pk: partition,
        sk: id,
        name,
        scopes: JSON.stringify(scopes),
        applicationTenantId,
        createdBy,
        createdAt: new Date(clock.now()).toISOString(),
        expiresAt: epochSeconds(clock) + expiresInSeconds,
        secretHash: hashOf(secret),
      };
      await table.put(item, [{ exists: false }]);
      return { apiKey: fromItem(item), secret: `${id}_${secret}` };
    },

    async get(id) {
      const item = await read(id);
      return item && fromItem(item);
    },

    async list({ applicationTenantId: wanted, limit, cursor }) {
      const page = await table.query({
        pk: partition,
        limit,
        ...(cursor === undefined ? {} : { cursor }),
      });
      return {
        apiKeys: page.items
          .filter(isAlive)
          .map(fromItem)
          .filter(({ applicationTenantId }) => wanted === undefined || applicationTenantId === wanted),
        ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
      };
    },

    async verify(presented) {
      const [, id = '', secret = ''] = keyForm.exec(presented) ?? [];
      const item = await read(id);
      return item !== undefined && isSame(hashOf(secret), String(item.secretHash))
        ? fromItem(item)
        : undefined;
    },

    async markUsed({ id, lastUsedAt }) {
      if (lastUsedAt !== undefined && clock.now() - Date.parse(lastUsedAt) < usedEveryMs) {
        return;
      }
      const set = { lastUsedAt: new Date(clock.now()).toISOString() };
      try {
        await table.update({ pk: partition, sk: id }, { set }, [{ exists: true }]);
      } catch (error) {
        if (!(error instanceof ConditionFailed)) throw error;
      }
    },

    revoke: (id) => table.delete({ pk: partition, sk: id }),
  };
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function fromItem(item: Item): ApiKey {
  return {
    id: item.sk,
    name: String(item.name),
    scopes: JSON.parse(String(item.scopes)),
    ...(item.applicationTenantId === undefined
      ? {}
      : { applicationTenantId: String(item.applicationTenantId) }),
    createdBy: String(item.createdBy),
    createdAt: String(item.createdAt),
    expiresAt: new Date(Number(item.expiresAt) * 1000).toISOString(),
    ...(typeof item.lastUsedAt === 'string' ? { lastUsedAt: item.lastUsedAt } : {}),
  };
}
