import { createHash } from 'node:crypto';
import type { Condition, Item, ItemKey } from '../cloud/tables/port.ts';
import type { AccountId } from '../kernel/ids.ts';

/** A person of one tenant. Credentials never leave `accounts.ts`. */
export interface Account {
  /** The subject identifier, `sub`. */
  id: AccountId;
  applicationTenantId: string;
  /** Normalised: trimmed, lower case. */
  email: string;
  emailVerified: boolean;
  name: string;
  givenName?: string;
  familyName?: string;
  /** What another system that provisions people calls this one; unique in the application tenant. */
  externalId?: string;
  /** Names of the roles given to the person; `memberships.ts` adds those of groups. */
  roles: readonly string[];
  /** A disabled account signs in nowhere, and tokens of it are refused. */
  disabled: boolean;
  /** Fingerprint of the identity at a sign-in source whose arrival made the account (`federated-sign-in.ts`). */
  madeFor?: string;
  /** ISO 8601; absent until a password was set. */
  passwordSetAt?: string;
  /** ISO 8601. */
  createdAt: string;
  updatedAt: string;
  /** Changes with every change. */
  version: string;
  /**
   * Changes with address and password, when the account is disabled, and when an administrator takes back all access: mailed links are worth
   * something only while it is what it was (`account-links.ts`).
   */
  standing: string;
}

/** What others see of it: answers, exports, and the person. */
export function shownAccount({ version: _, standing: __, madeFor: ___, ...shown }: Account) {
  return shown;
}

/** Everything of a person that goes when the person goes lies in this partition. */
export function accountPartition(id: string): string {
  return `Account#${id}`;
}

export function accountKey(id: string): ItemKey {
  return { pk: accountPartition(id), sk: 'account' };
}

/** Ids come from requests; one that no account can have is no reason to ask the store. */
export function isAccountId(id: string): boolean {
  return /^acc_[A-Za-z0-9_-]{1,64}$/.test(id);
}

/** Where the index lists accounts: by application tenant, then by address. */
export const accountIndex = {
  pk: 'Accounts',
  sk: (applicationTenantId: string, email: string) => `${applicationTenantId}#${email}`,
};

/** Holds while the account is the one that was read. */
export function versionOf({ version, updatedAt }: Account): Condition[number] {
  return version === updatedAt
    ? { attribute: 'version', absent: true }
    : { attribute: 'version', equals: version };
}

export function readAccount(item: Item): Account {
  const optional = (name: 'givenName' | 'familyName' | 'externalId' | 'passwordSetAt' | 'madeFor') =>
    item[name] === undefined ? {} : { [name]: String(item[name]) };
  return {
    id: item.pk.slice('Account#'.length) as AccountId,
    applicationTenantId: String(item.applicationTenantId),
    email: String(item.email),
    emailVerified: item.emailVerified === true,
    name: String(item.name),
    ...optional('givenName'),
    ...optional('familyName'),
    ...optional('externalId'),
    roles: JSON.parse(String(item.roles)) as string[],
    disabled: item.disabled === true,
    ...optional('passwordSetAt'),
    ...optional('madeFor'),
    createdAt: String(item.createdAt),
    updatedAt: String(item.updatedAt),
    version: String(item.version ?? item.updatedAt),
    standing: standingOf(item),
  };
}

function standingOf({ email, passwordSetAt, accessEnding }: Item): string {
  const parts = [email, passwordSetAt, accessEnding].map((part) => (part === undefined ? null : part));
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}
