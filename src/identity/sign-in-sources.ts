import type { TenantKeys } from '../cloud/keys/port.ts';
import { ConditionFailed, type Item, type ItemKey, type Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { type Random, randomId } from '../kernel/random.ts';
import { Secret } from '../kernel/secret.ts';
import type { SignInSource, SignInSourceSettings } from './sign-in-source.ts';

export interface SignInSources {
  create(settings: SignInSourceSettings, secret: Secret | undefined): Promise<SignInSource>;
  get(id: string): Promise<SignInSource | undefined>;
  /** All of the tenant, in the order of their ids: at most `maxSources`. */
  list(): Promise<SignInSource[]>;
  /** The same by pages; strongly consistent. */
  page(page: {
    limit: number;
    cursor?: string | undefined;
  }): Promise<{ signInSources: SignInSource[]; cursor?: string }>;
  /**
   * Replaces the settings. `secret`: `'keep'`, a new one, or `undefined` for none. `AppError('precondition_failed')` when the source has another
   * version by now, `AppError('not_found')` when there is none, `AppError('validation_failed')` for what must not change.
   */
  update(
    id: string,
    version: string,
    settings: SignInSourceSettings,
    secret: Secret | 'keep' | undefined,
  ): Promise<SignInSource>;
  /** Idempotent. Identities that were linked by it stay behind, and lead nowhere. */
  remove(id: string): Promise<void>;
  /** Client secret or password of the reader. */
  readSecret(id: string): Promise<Secret | undefined>;
}

/** More than any tenant has; the sign-in page reads them all. */
export const maxSources = 50;

/**
 * The sign-in sources of one tenant, one item each under `SignInSource`. Secrets are sealed by the key store, bound to tenant and source, and
 * are opened only to be used.
 */
export function createSignInSources({
  table,
  keys,
  clock,
  random,
}: {
  table: Table;
  keys: Pick<TenantKeys, 'seal' | 'unseal'>;
  clock: Clock;
  random: Random;
}): SignInSources {
  const isoNow = () => new Date(clock.now()).toISOString();
  const seal = (id: string, secret: Secret) => keys.seal(purposeOf(id), Buffer.from(secret.reveal()));

  async function read(id: string): Promise<Item | undefined> {
    return idPattern.test(id) ? table.get(keyOf(id)) : undefined;
  }

  async function list(): Promise<SignInSource[]> {
    const { items } = await table.query({ pk: 'SignInSource', limit: maxSources });
    return items.map(readSource);
  }

  return {
    async create(settings, secret) {
      if ((await list()).length >= maxSources) {
        throw new AppError('quota_exceeded', `A tenant has at most ${maxSources} sign-in sources.`);
      }
      const id = `src_${randomId(random)}`;
      const now = isoNow();
      const item: Item = {
        ...keyOf(id),
        settings: JSON.stringify(settings),
        version: randomId(random),
        createdAt: now,
        updatedAt: now,
        ...(secret === undefined ? {} : { sealedSecret: await seal(id, secret) }),
      };
      await table.put(item, [{ exists: false }]);
      return readSource(item);
    },

    async get(id) {
      const item = await read(id);
      return item && readSource(item);
    },

    list,

    async page({ limit, cursor }) {
      const found = await table.query({
        pk: 'SignInSource',
        limit,
        ...(cursor === undefined ? {} : { cursor }),
      });
      return {
        signInSources: found.items.map(readSource),
        ...(found.cursor === undefined ? {} : { cursor: found.cursor }),
      };
    },

    async update(id, version, settings, secret) {
      const item = await read(id);
      if (item === undefined) {
        throw new AppError('not_found', 'There is no sign-in source with this id.');
      }
      const present = readSource(item);
      refuseChanges(present, settings, secret);
      const sealedSecret =
        secret === 'keep' ? item.sealedSecret : secret === undefined ? undefined : await seal(id, secret);
      const next: Item = {
        ...keyOf(id),
        settings: JSON.stringify(settings),
        version: randomId(random),
        createdAt: present.createdAt,
        updatedAt: isoNow(),
        sealedSecret,
      };
      try {
        await table.put(next, [{ attribute: 'version', equals: version }]);
      } catch (error) {
        throw error instanceof ConditionFailed
          ? new AppError('precondition_failed', 'The sign-in source was changed meanwhile.')
          : error;
      }
      return readSource(next);
    },

    async remove(id) {
      await table.delete(keyOf(id));
    },

    async readSecret(id) {
      const sealed = (await read(id))?.sealedSecret;
      return sealed === undefined
        ? undefined
        : new Secret(Buffer.from(await keys.unseal(purposeOf(id), String(sealed))).toString());
    },
  };
}

const idPattern = /^src_[A-Za-z0-9_-]{22}$/;

function keyOf(id: string): ItemKey {
  return { pk: 'SignInSource', sk: id };
}

function purposeOf(id: string): string {
  return `sign-in-source/${id}`;
}

function readSource(item: Item): SignInSource {
  return {
    ...(JSON.parse(String(item.settings)) as SignInSourceSettings),
    id: item.sk,
    hasSecret: item.sealedSecret !== undefined,
    version: String(item.version),
    createdAt: String(item.createdAt),
    updatedAt: String(item.updatedAt),
  };
}

/**
 * Who somebody is at an issuer says nothing about who they are at another one: with the issuer all links would change hands. And a kept secret
 * would be told to whatever place the source is pointed at.
 */
function refuseChanges(
  present: SignInSource,
  next: SignInSourceSettings,
  secret: Secret | 'keep' | undefined,
): void {
  const fields: { field: string; message: string }[] = [];
  const fixed = 'cannot be changed; make another sign-in source';
  if (next.kind !== present.kind) {
    fields.push({ field: 'kind', message: fixed });
  }
  if (next.openid?.issuer !== present.openid?.issuer) {
    fields.push({ field: 'openid.issuer', message: fixed });
  }
  if (next.ldap?.idAttribute !== present.ldap?.idAttribute) {
    fields.push({ field: 'ldap.idAttribute', message: fixed });
  }
  const place = ({ ldap, openid }: SignInSourceSettings) =>
    JSON.stringify([ldap?.url, ldap?.startTls, ldap?.certificateAuthority, openid?.certificateAuthority]);
  if (secret === 'keep' && present.hasSecret && place(next) !== place(present)) {
    fields.push({ field: 'secret', message: 'is required again when the place that it is for changes' });
  }
  if (fields.length > 0) {
    throw new AppError('validation_failed', 'Some fields are not valid.', { fields });
  }
}
