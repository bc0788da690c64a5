import { parseSlug } from '../kernel/slug.ts';
import type { SecurityPolicyInput } from './security-policy.ts';

/** The application tenant that every tenant begins with (E2): the tenant's own people, its administrators among them. */
export const defaultApplicationTenantId = 'default';

/** A domain that belongs to an application tenant once its owner has put `challenge` into the DNS. */
export interface ApplicationDomain {
  /** Lower case, at least two labels. */
  domain: string;
  /** Random, for this application tenant and domain alone. */
  challenge: string;
  /** ISO 8601. */
  addedAt: string;
  verifiedAt?: string;
}

export interface ApplicationSettings {
  /** Values in which it is stricter than its tenant; `application-policy.ts` puts the two together. */
  securityPolicy?: SecurityPolicyInput;
  /** Ids of the sign-in sources that its users may use, `password` for the password form; absent: all of the tenant's. */
  signInSources?: readonly string[];
  /** Who may make an account by themselves; `domain`: whoever's address is in a verified domain. */
  signUp: 'open' | 'invitation' | 'domain';
}

export const newSettings: ApplicationSettings = { signUp: 'invitation' };

/** A sub-tenant with users of its own (E2). */
export interface ApplicationTenant {
  /** `default` or `apt_…`; never used again. */
  id: string;
  slug: string;
  name: string;
  /**
   * Only to an active one anybody signs in; otherwise tokens of its users are refused, too. One that is `removing` never comes back. The
   * default one is always active.
   */
  status: 'active' | 'suspended' | 'removing';
  domains: readonly ApplicationDomain[];
  settings: ApplicationSettings;
  /** Changes with every change. */
  version: string;
  /** ISO 8601; both absent for the default one until it is changed. */
  createdAt?: string;
  updatedAt?: string;
}

/**
 * Whether its people may begin a sign-in with what the tenant itself keeps of them, a password or a passkey. Where they may not, their sign-in
 * sources decide alone who comes in.
 */
export function admitsOwnCredentials({ settings }: Pick<ApplicationTenant, 'settings'>): boolean {
  return settings.signInSources?.includes('password') ?? true;
}

/** Whether somebody with this address, which is proved, may come to have an account here whom nobody has invited. */
export function admitsNewcomer(
  { status, settings, domains }: Pick<ApplicationTenant, 'status' | 'settings' | 'domains'>,
  email: string,
): boolean {
  if (status !== 'active') {
    return false;
  }
  switch (settings.signUp) {
    case 'open':
      return true;
    case 'domain':
      return domains.some(
        ({ domain, verifiedAt }) => verifiedAt !== undefined && domain === domainOfEmail(email),
      );
    case 'invitation':
      return false;
  }
}

/** A slug of the same form as a tenant's, except for the default's, which nobody else gets. */
export function parseApplicationSlug(text: string): string | undefined {
  return text === defaultApplicationTenantId ? undefined : parseSlug(text);
}

const domainPattern =
  /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/;

/** The domain in lower case, or `undefined` for text that is none. Names beyond ASCII come in their `xn--` form. */
export function parseDomain(text: string): string | undefined {
  const domain = text.trim().toLowerCase().replace(/\.$/, '');
  return domainPattern.test(domain) ? domain : undefined;
}

/** The part of a normalised address behind the `@`. */
export function domainOfEmail(email: string): string {
  return email.slice(email.lastIndexOf('@') + 1);
}
