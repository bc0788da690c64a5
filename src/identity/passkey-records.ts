import { createHash } from 'node:crypto';
import { ConditionFailed, type Item, type Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { factorKey, queryFactorItems } from './factor-items.ts';

/** One credential of an account (WebAuthn Level 3). Nothing in it is secret. */
export interface Passkey {
  /** Our name for it in addresses and forms: a digest of the credential id. */
  id: string;
  accountId: string;
  /** base64url. */
  credentialId: string;
  /** COSE key, base64url. */
  publicKey: string;
  /** Of the authenticator's last signature; 0 when it does not count. */
  counter: number;
  transports: readonly string[];
  /** May leave the device that made it: a synchronised passkey. */
  synced: boolean;
  backedUp: boolean;
  /** Chosen by the person. */
  name: string;
  /** ISO 8601. */
  createdAt: string;
  /** ISO 8601; absent before its first use. */
  lastUsedAt?: string;
}

export interface PasskeyRecords {
  /** `AppError('conflict')` when the tenant knows the credential already, whoever has it. */
  add(passkey: Omit<Passkey, 'id' | 'createdAt'>): Promise<Passkey>;
  findByCredentialId(credentialId: string): Promise<Passkey | undefined>;
  /** Oldest first. */
  list(accountId: string): Promise<Passkey[]>;
  /** Moves counter and backup state on. False when the passkey was removed or used by somebody else since it was read. */
  noteUse(passkey: Passkey, use: { counter: number; backedUp: boolean }): Promise<boolean>;
  /** False when the account has no such passkey. */
  rename(accountId: string, id: string, name: string): Promise<boolean>;
  /** False when the account has no such passkey. */
  remove(accountId: string, id: string): Promise<boolean>;
}

/** Begins the names of the items; the passkey's id follows. */
export const passkeyPrefix = 'passkey#';

export function createPasskeyRecords({ table, clock }: { table: Table; clock: Clock }): PasskeyRecords {
  const isoNow = () => new Date(clock.now()).toISOString();

  async function changeIfThere(write: () => Promise<unknown>): Promise<boolean> {
    try {
      await write();
      return true;
    } catch (error) {
      if (error instanceof ConditionFailed) {
        return false;
      }
      throw error;
    }
  }

  /** The pointer goes first, so that a credential is never known twice; one whose writer died is its account's to complete. */
  async function claim(id: string, accountId: string): Promise<void> {
    const claimed = await changeIfThere(() =>
      table.put({ ...pointerKey(id), accountId }, [{ exists: false }]),
    );
    if (!claimed && (await table.get(pointerKey(id)))?.accountId !== accountId) {
      throw new AppError('conflict', 'This passkey is registered already.');
    }
  }

  return {
    async add(passkey) {
      const id = passkeyId(passkey.credentialId);
      await claim(id, passkey.accountId);
      const item: Item = {
        ...factorKey(passkey.accountId, `${passkeyPrefix}${id}`),
        ...passkey,
        transports: JSON.stringify(passkey.transports),
        createdAt: isoNow(),
      };
      if (!(await changeIfThere(() => table.put(item, [{ exists: false }])))) {
        throw new AppError('conflict', 'This passkey is registered already.');
      }
      return readPasskey(item);
    },

    async findByCredentialId(credentialId) {
      const id = passkeyId(credentialId);
      const pointer = await table.get(pointerKey(id));
      const item =
        pointer && (await table.get(factorKey(String(pointer.accountId), `${passkeyPrefix}${id}`)));
      return item && readPasskey(item);
    },

    async list(accountId) {
      const items = await queryFactorItems(table, accountId, passkeyPrefix);
      return items
        .map(({ item }) => readPasskey(item))
        .sort((one, other) => one.createdAt.localeCompare(other.createdAt));
    },

    noteUse({ id, accountId, counter: formerCounter }, { counter, backedUp }) {
      return changeIfThere(() =>
        table.update(
          factorKey(accountId, `${passkeyPrefix}${id}`),
          { set: { counter, backedUp, lastUsedAt: isoNow() } },
          [{ attribute: 'counter', equals: formerCounter }],
        ),
      );
    },

    rename(accountId, id, name) {
      const key = factorKey(accountId, `${passkeyPrefix}${id}`);
      return changeIfThere(() => table.update(key, { set: { name } }, [{ exists: true }]));
    },

    async remove(accountId, id) {
      const key = factorKey(accountId, `${passkeyPrefix}${id}`);
      const removed = await changeIfThere(() => table.delete(key, [{ exists: true }]));
      if (removed) {
        await table.delete(pointerKey(id));
      }
      return removed;
    },
  };
}

/** Reads what `queryFactorItems` found. */
export function readPasskey(item: Item): Passkey {
  return {
    id: passkeyId(String(item.credentialId)),
    accountId: String(item.accountId),
    credentialId: String(item.credentialId),
    publicKey: String(item.publicKey),
    counter: Number(item.counter),
    transports: JSON.parse(String(item.transports)) as string[],
    synced: item.synced === true,
    backedUp: item.backedUp === true,
    name: String(item.name),
    createdAt: String(item.createdAt),
    ...(item.lastUsedAt === undefined ? {} : { lastUsedAt: String(item.lastUsedAt) }),
  };
}

function passkeyId(credentialId: string): string {
  return createHash('sha256').update(credentialId).digest('base64url');
}

function pointerKey(id: string) {
  return { pk: `Passkey#${id}`, sk: 'passkey' };
}
