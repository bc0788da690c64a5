import type { Account, AccountChange } from '../../identity/accounts.ts';
import { type ApplicationTenant, domainOfEmail } from '../../identity/application-tenant.ts';
import { normalizeEmail } from '../../identity/email-address.ts';
import type { Group } from '../../identity/groups.ts';
import { metaOf, type ScimResource } from './resource.ts';
import { ScimError } from './scim-error.ts';

export const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';

/** An account as a User (RFC 7643 §4.1). `userName` is the address by which the person signs in. */
export function toUserResource(
  account: Account,
  { groups, base }: { groups?: readonly Group[]; base: string },
): ScimResource {
  const { id, email, name, givenName, familyName, externalId, roles, disabled } = account;
  return {
    schemas: [userSchema],
    id,
    ...(externalId === undefined ? {} : { externalId }),
    userName: email,
    name: {
      formatted: name,
      ...(givenName === undefined ? {} : { givenName }),
      ...(familyName === undefined ? {} : { familyName }),
    },
    displayName: name,
    active: !disabled,
    emails: [{ value: email, type: 'work', primary: true }],
    ...(roles.length === 0 ? {} : { roles: roles.map((value) => ({ value })) }),
    ...(groups === undefined || groups.length === 0
      ? {}
      : {
          groups: groups.map((group) => ({
            value: group.id,
            display: group.name,
            type: 'direct',
            $ref: `${base}/Groups/${group.id}`,
          })),
        }),
    meta: metaOf('User', base, account),
  };
}

export interface UserAttributes extends Pick<AccountChange, 'givenName' | 'familyName' | 'externalId'> {
  email: string;
  name: string;
  /** Both absent when the resource does not say: what an administrator has decided here is not undone by a client that knows nothing of it. */
  roles?: string[];
  disabled?: boolean;
}

/**
 * What a User says of an account. Attributes that we do not know, and those that are read-only, are passed over (RFC 7644 §3.3): `emails`
 * follows `userName`, `groups` is changed through Groups, and passwords are set by their owners.
 */
export function readUserResource(resource: Readonly<Record<string, unknown>>): UserAttributes {
  const { userName, displayName, externalId, active, roles } = resource;
  const name = resource.name ?? {};
  if (!isObject(name)) {
    throw invalid('name', 'must be an object');
  }
  const email = normalizeEmail(textOf('userName', userName) ?? '');
  if (email === undefined) {
    throw invalid('userName', 'must be the e-mail address of the person');
  }
  const givenName = textOf('name.givenName', name.givenName);
  const familyName = textOf('name.familyName', name.familyName);
  const parts = [givenName, familyName].filter((part) => part !== undefined).join(' ');
  const shown = textOf('displayName', displayName) ?? textOf('name.formatted', name.formatted);
  return {
    email,
    name: shown ?? (parts === '' ? email : parts),
    givenName: givenName ?? null,
    familyName: familyName ?? null,
    externalId: textOf('externalId', externalId) ?? null,
    ...(active === undefined || active === null ? {} : { disabled: !readBoolean(active) }),
    ...(roles === undefined || roles === null ? {} : { roles: readRoles(roles) }),
  };
}

/** An address is proved when its domain is: whoever provisions people in it has shown whose it is. */
export function isProvedAddress(email: string, { domains }: ApplicationTenant): boolean {
  const domain = domainOfEmail(email);
  return domains.some((known) => known.domain === domain && known.verifiedAt !== undefined);
}

function readRoles(roles: unknown): string[] {
  if (!Array.isArray(roles) || roles.length > 50) {
    throw invalid('roles', 'must be a list of at most 50');
  }
  const names = roles.map((role: unknown) => {
    const name = textOf('roles.value', isObject(role) ? role.value : role);
    if (name === undefined) {
      throw invalid('roles', 'must have values');
    }
    return name;
  });
  return [...new Set(names)];
}

/** Some clients send booleans as text. */
function readBoolean(value: unknown): boolean {
  const word = typeof value === 'string' ? value.toLowerCase() : value;
  if (word === true || word === 'true') return true;
  if (word === false || word === 'false') return false;
  throw invalid('active', 'must be true or false');
}

export function textOf(attribute: string, value: unknown, maxLength = 200): string | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  if (typeof value !== 'string' || value.length > maxLength || /[\p{Cc}]/u.test(value)) {
    throw invalid(attribute, `must be text of at most ${maxLength} characters on one line`);
  }
  return value.trim() === '' ? undefined : value.trim();
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(attribute: string, message: string): ScimError {
  return new ScimError('invalidValue', `${attribute} ${message}.`);
}
