import type { LdapPerson } from '../cloud/ldap/port.ts';
import type { OpenidClaims } from '../cloud/openid/port.ts';
import { normalizeEmail } from './email-address.ts';
import type { SignInSource } from './sign-in-source.ts';

/** Somebody who has signed in at a source, in our words. */
export interface UpstreamPerson {
  subject: string;
  /** Normalised. */
  email: string | undefined;
  /** Whether the source says that the address is theirs. */
  emailVerified: boolean;
  name: string | undefined;
  groups: readonly string[];
  /** How they signed in there, as far as it counts here (RFC 8176). */
  methods: readonly string[];
  /** Epoch seconds of that sign-in; absent: now. */
  provedAt: number | undefined;
}

const maxNameLength = 100;
const maxGroups = 1_000;

/** From claims that have been verified. */
export function personOfClaims(claims: OpenidClaims, { openid }: SignInSource): UpstreamPerson {
  const names = {
    email: 'email',
    emailVerified: 'email_verified',
    name: 'name',
    groups: 'groups',
    ...openid?.claims,
  };
  const { amr, auth_time: authTime } = claims;
  const hasMfa = openid?.trustMfa === true && Array.isArray(amr) && amr.includes('mfa');
  return {
    subject: claims.sub,
    email: emailOf(claims[names.email]),
    // Cognito's userinfo has it as text.
    emailVerified: claims[names.emailVerified] === true || claims[names.emailVerified] === 'true',
    name: nameOf(claims[names.name]),
    groups: textsOf(claims[names.groups]),
    // No registered value says "by somebody else", and what happened there is their word.
    methods: ['fed', ...(hasMfa ? ['mfa'] : [])],
    provedAt:
      typeof authTime === 'number' && Number.isInteger(authTime) && authTime > 0 ? authTime : undefined,
  };
}

/**
 * From a directory that has just taken the password. A directory has no word for a verified address: it is the authority for addresses in the
 * domains that the source is for, and for no other.
 */
export function personOfEntry(
  entry: LdapPerson,
  { domains = [], linkDomains = [] }: SignInSource,
): UpstreamPerson {
  const email = emailOf(entry.email);
  const domain = email?.split('@')[1] ?? '';
  return {
    subject: entry.id,
    email,
    emailVerified: [...domains, ...linkDomains].includes(domain),
    name: nameOf(entry.name),
    groups: entry.groups,
    methods: ['pwd', 'fed'],
    provedAt: undefined,
  };
}

function emailOf(value: unknown): string | undefined {
  return typeof value === 'string' ? normalizeEmail(value) : undefined;
}

function nameOf(value: unknown): string | undefined {
  const name = typeof value === 'string' ? value.replaceAll(/\p{Cc}/gu, ' ').trim() : '';
  return name === '' || !name.isWellFormed() ? undefined : name.slice(0, maxNameLength).toWellFormed();
}

function textsOf(value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((each) => typeof each === 'string').slice(0, maxGroups);
}
