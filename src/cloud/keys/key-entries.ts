import type { JWK } from 'jose';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { type Random, randomId } from '../../kernel/random.ts';
import type { KeyMode, SigningAlgorithm } from '../../kernel/tenant.ts';
import { type Condition, ConditionFailed, type Item, type Table } from '../tables/port.ts';

/** The private part is in KMS itself, or wrapped by KMS in the key store's table. */
export type KmsMode = Exclude<KeyMode, 'local'>;

/**
 * A signing key in the `-keys` table (`pk: Key#<tenantId>`, `sk: <kid>`). It is there before anything is made in KMS. Keys of mode `local`
 * stand beside it; they are seen by nothing here but a `kid` that is taken.
 */
export interface KeyEntry {
  kid: string;
  mode: KmsMode;
  alg: SigningAlgorithm;
  /** Random: a key made again under the same `kid` is another key. */
  instance: string;
  ready: boolean;
  /** Its destruction has begun: it signs no more, and counts for nothing but its own end. */
  removing: boolean;
  publicJwk?: JWK;
  /** `kms-envelope` only, base64. */
  wrappedPrivateKey?: string;
  /** `kms-envelope` only: which wrapping key of the tenant wrapped it. */
  wrappingInstance?: string;
}

/** What making the key added to its entry. */
export type MadeKey = Pick<KeyEntry, 'wrappedPrivateKey' | 'wrappingInstance'> & { publicJwk: JWK };

export interface KeyEntries {
  get(kid: string): Promise<KeyEntry | undefined>;
  /** The entry of `kid`, made now if there is none; `begun` says that it was there already. */
  begin(kid: string, mode: KmsMode, alg: SigningAlgorithm): Promise<{ entry: KeyEntry; begun: boolean }>;
  /** Records the made key; when another process was first, its result is the answer. */
  finish(entry: KeyEntry, made: MadeKey): Promise<KeyEntry>;
  /** Idempotent. The entry stays until `remove`, so that whoever was interrupted between the two finds it. */
  beginRemoval(entry: { kid: string; instance: string }): Promise<void>;
  /** Idempotent. */
  remove(entry: { kid: string; instance: string }): Promise<void>;
  list(): Promise<KeyEntry[]>;
}

export function openKeyEntries(deps: {
  table: Table;
  tenantId: TenantId;
  random: Random;
  clock: Clock;
}): KeyEntries {
  const { table, tenantId, random, clock } = deps;
  const keyOf = (kid: string) => ({ pk: `Key#${tenantId}`, sk: kid });

  async function get(kid: string): Promise<KeyEntry | undefined> {
    const item = await table.get(keyOf(kid));
    if (item !== undefined && !isKmsEntry(item)) {
      throw new AppError('server_error', 'The signing key cannot be used.', {
        detail: `key ${kid} of ${tenantId} is none of KMS`,
      });
    }
    return item === undefined ? undefined : entryOf(item);
  }

  return {
    get,

    async begin(kid, mode, alg) {
      const known = await get(kid);
      if (known !== undefined) {
        return { entry: known, begun: true };
      }
      const instance = randomId(random);
      const createdAt = new Date(clock.now()).toISOString();
      try {
        await table.put({ ...keyOf(kid), mode, alg, instance, ready: false, createdAt }, [{ exists: false }]);
      } catch (error) {
        const winner = error instanceof ConditionFailed ? await get(kid) : undefined;
        if (winner === undefined) {
          throw error;
        }
        return { entry: winner, begun: true };
      }
      return { entry: { kid, mode, alg, instance, ready: false, removing: false }, begun: false };
    },

    async finish({ kid, instance }, { publicJwk, ...made }) {
      try {
        const item = await table.update(
          keyOf(kid),
          { set: { ...definedOf(made), publicJwk: JSON.stringify(publicJwk), ready: true } },
          [
            { attribute: 'instance', equals: instance },
            { attribute: 'ready', equals: false },
            { attribute: 'removing', absent: true },
          ],
        );
        return entryOf(item);
      } catch (error) {
        const winner = error instanceof ConditionFailed ? await get(kid) : undefined;
        if (winner?.instance === instance && winner.ready && !winner.removing) {
          return winner;
        }
        if (error instanceof ConditionFailed) {
          throw new AppError('server_error', 'The signing key cannot be used.', {
            detail: `key ${kid} of ${tenantId} was destroyed while it was created`,
          });
        }
        throw error;
      }
    },

    beginRemoval: ({ kid, instance }) =>
      unlessAnother(table.update(keyOf(kid), { set: { removing: true } }, ofInstance(instance))),

    remove: ({ kid, instance }) => unlessAnother(table.delete(keyOf(kid), ofInstance(instance))),

    async list() {
      const entries: KeyEntry[] = [];
      let cursor: string | undefined;
      do {
        const page = await table.query({
          pk: `Key#${tenantId}`,
          ...(cursor === undefined ? {} : { cursor }),
        });
        entries.push(...page.items.filter(isKmsEntry).map(entryOf));
        cursor = page.cursor;
      } while (cursor !== undefined);
      return entries;
    },
  };
}

function ofInstance(instance: string): Condition {
  return [{ attribute: 'instance', equals: instance }];
}

/** A key that is gone, or is another one by now, needs nothing. */
async function unlessAnother(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!(error instanceof ConditionFailed)) {
      throw error;
    }
  }
}

function isKmsEntry({ mode }: Item): boolean {
  return mode === 'kms' || mode === 'kms-envelope';
}

function entryOf({ sk, mode, alg, instance, ready, removing, publicJwk, ...rest }: Item): KeyEntry {
  const { wrappedPrivateKey, wrappingInstance } = rest;
  return {
    kid: sk,
    mode: mode as KmsMode,
    alg: alg as SigningAlgorithm,
    instance: String(instance),
    ready: ready === true,
    removing: removing === true,
    ...(publicJwk === undefined ? {} : { publicJwk: JSON.parse(String(publicJwk)) as JWK }),
    ...(wrappedPrivateKey === undefined ? {} : { wrappedPrivateKey: String(wrappedPrivateKey) }),
    ...(wrappingInstance === undefined ? {} : { wrappingInstance: String(wrappingInstance) }),
  };
}

function definedOf(made: Omit<MadeKey, 'publicJwk'>): Record<string, string> {
  return Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined));
}
