/**
 * Initial access tokens of one tenant (RFC 7591 §3): who holds one may register so many clients until its time is over. A token names its
 * record and carries a secret, of which only the hash is stored; a use is one conditional write, so the last one cannot be taken twice.
 */
import { ConditionFailed, type Item, type Table } from '../cloud/tables/port.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { type Random, randomId } from '../kernel/random.ts';
import { hashClientSecret, isClientSecret, newClientSecret } from './client-secret.ts';

export interface InitialAccessToken {
  id: string;
  name: string;
  /** Clients that may still be registered with it. */
  usesLeft: number;
  /** ISO 8601. */
  expiresAt: string;
  createdAt: string;
}

export interface InitialAccessTokens {
  /** `token` is shown here and never again. */
  create(input: {
    name: string;
    uses: number;
    expiresInSeconds: number;
  }): Promise<{ record: InitialAccessToken; token: string }>;
  get(id: string): Promise<InitialAccessToken | undefined>;
  list(page: { limit: number; cursor?: string }): Promise<{ tokens: InitialAccessToken[]; cursor?: string }>;
  /** Whether it is one that has a use left; takes none. */
  isValid(token: string): Promise<boolean>;
  /** Takes one use. False when there is none. */
  take(token: string): Promise<boolean>;
  /** Idempotent. */
  remove(id: string): Promise<void>;
}

const partition = 'InitialAccessToken';
const tokenForm = /^(iat_[A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

export function createInitialAccessTokens({
  table,
  clock,
  random,
}: {
  table: Table;
  clock: Clock;
  random: Random;
}): InitialAccessTokens {
  async function read(id: string): Promise<Item | undefined> {
    if (!/^iat_[A-Za-z0-9_-]{22}$/.test(id)) return undefined;
    const item = await table.get({ pk: partition, sk: id });
    return item !== undefined && isAlive(item) ? item : undefined;
  }

  const isAlive = (item: Item) => Number(item.expiresAt) > epochSeconds(clock) && Number(item.usesLeft) > 0;

  async function find(token: string): Promise<Item | undefined> {
    const [, id = '', secret = ''] = tokenForm.exec(token) ?? [];
    const item = await read(id);
    return item !== undefined && isClientSecret(secret, String(item.secretHash)) ? item : undefined;
  }

  return {
    async create({ name, uses, expiresInSeconds }) {
      const id = `iat_${randomId(random)}`;
      const secret = newClientSecret(random);
      const item = {
        pk: partition,
        sk: id,
        name,
        usesLeft: uses,
        secretHash: hashClientSecret(secret),
        expiresAt: epochSeconds(clock) + expiresInSeconds,
        createdAt: new Date(clock.now()).toISOString(),
      };
      await table.put(item, [{ exists: false }]);
      return { record: toRecord(item), token: `${id}.${secret}` };
    },

    async get(id) {
      const item = await read(id);
      return item && toRecord(item);
    },

    async list({ limit, cursor }) {
      const page = await table.query({
        pk: partition,
        limit,
        ...(cursor === undefined ? {} : { cursor }),
      });
      return {
        tokens: page.items.filter(isAlive).map(toRecord),
        ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
      };
    },

    isValid: async (token) => (await find(token)) !== undefined,

    async take(token) {
      for (let item = await find(token); item !== undefined; item = await find(token)) {
        const left = Number(item.usesLeft);
        try {
          await table.update({ pk: partition, sk: item.sk }, { set: { usesLeft: left - 1 } }, [
            { attribute: 'usesLeft', equals: left },
          ]);
          return true;
        } catch (error) {
          if (!(error instanceof ConditionFailed)) throw error;
        }
      }
      return false;
    },

    remove: (id) => table.delete({ pk: partition, sk: id }),
  };
}

function toRecord(item: Item): InitialAccessToken {
  return {
    id: item.sk,
    name: String(item.name),
    usesLeft: Number(item.usesLeft),
    expiresAt: new Date(Number(item.expiresAt) * 1000).toISOString(),
    createdAt: String(item.createdAt),
  };
}
