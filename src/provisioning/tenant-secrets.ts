import type { KeyStore } from '../cloud/keys/port.ts';
import { type Random, randomId } from '../kernel/random.ts';
import { Secret } from '../kernel/secret.ts';
import type { Directory } from '../tenancy/directory.ts';
import type { ProvisionedTenant } from './step.ts';
import { type EntryWriter, updateEntry, updateEntryIfThere } from './tenant-entry.ts';

export type TenantSecretName = 'database' | 'cache';

/**
 * Generated secrets of a tenant, sealed in its directory entry (B2). A secret is there before anything is made with it, and it never changes
 * once it is there: a second try, and a worker that was replaced, use the very same one.
 */
export interface TenantSecrets {
  /** The URL with the credentials; made by `compose` from a generated password the first time. */
  ensure(
    writer: EntryWriter,
    name: TenantSecretName,
    compose: (password: string) => SealedAccess,
  ): Promise<SealedAccess>;
  read(tenant: ProvisionedTenant, name: TenantSecretName): Promise<SealedAccess | undefined>;
  /** Idempotent, also when the entry itself is gone. */
  forget(writer: EntryWriter, name: TenantSecretName): Promise<void>;
}

/** What is sealed: the URL, and what else its users need to know. */
export interface SealedAccess {
  url: Secret;
  pool?: { max: number; min: number; idleMs: number; acquireMs: number };
}

export function createTenantSecrets({
  directory,
  keyStore,
  random,
}: {
  directory: Directory;
  keyStore: KeyStore;
  random: Random;
}): TenantSecrets {
  const purposeOf = (name: TenantSecretName) => `infrastructure/${name}`;

  async function open(
    tenant: ProvisionedTenant,
    name: TenantSecretName,
    sealed: string,
  ): Promise<SealedAccess> {
    const bytes = await keyStore.forTenant(tenant.id).unseal(purposeOf(name), sealed);
    const { url, pool } = JSON.parse(Buffer.from(bytes).toString()) as {
      url: string;
      pool?: NonNullable<SealedAccess['pool']>;
    };
    return { url: new Secret(url), ...(pool === undefined ? {} : { pool }) };
  }

  async function read(tenant: ProvisionedTenant, name: TenantSecretName): Promise<SealedAccess | undefined> {
    const record = await directory.get(tenant.slug);
    const sealed = record?.id === tenant.id ? record.sealedSecrets?.[name] : undefined;
    return sealed === undefined ? undefined : await open(tenant, name, sealed);
  }

  return {
    async ensure(writer, name, compose) {
      const { tenant } = writer;
      const known = await read(tenant, name);
      if (known !== undefined) {
        return known;
      }
      const { url, pool } = compose(randomId(random, 24));
      const plain = Buffer.from(JSON.stringify({ url: url.reveal(), pool }));
      const sealed = await keyStore.forTenant(tenant.id).seal(purposeOf(name), plain);
      const record = await updateEntry(directory, writer, (current) => ({
        ...current,
        sealedSecrets: { [name]: sealed, ...current.sealedSecrets },
      }));
      return await open(tenant, name, record.sealedSecrets?.[name] ?? '');
    },

    read,

    async forget(writer, name) {
      await updateEntryIfThere(directory, writer, (record) => {
        const { sealedSecrets = {}, ...current } = record;
        const { [name]: sealed, ...rest } = sealedSecrets;
        return sealed === undefined
          ? record
          : { ...current, ...(Object.keys(rest).length === 0 ? {} : { sealedSecrets: rest }) };
      });
    },
  };
}

/** The password in a URL that `ensure` composed. */
export function passwordIn({ url }: SealedAccess): string {
  return decodeURIComponent(new URL(url.reveal()).password);
}
