/**
 * A sign-in source (D10): another system that knows a tenant's people, as its administrators configure it. Here are its form and what the
 * schema cannot say about it; `sign-in-sources.ts` stores them.
 */
import { type Static, Type } from 'typebox';
import type { FieldError } from '../kernel/errors.ts';
import { parseDomain } from './application-tenant.ts';

const text = (maxLength: number, description?: string) =>
  Type.String({ minLength: 1, maxLength, ...(description === undefined ? {} : { description }) });

const attributeName = Type.String({
  pattern: '^[A-Za-z][A-Za-z0-9-]{0,63}$',
  description: 'the name of an attribute, such as mail',
});
const claimName = text(200, 'Name of a claim');
const roleName = text(100);
const pem = Type.String({
  minLength: 1,
  maxLength: 20_000,
  pattern: '^\\s*-----BEGIN CERTIFICATE-----[\\s\\S]+-----END CERTIFICATE-----\\s*$',
  description: 'certificates in PEM form; they take the place of the system’s authorities',
});
const domains = (description: string) =>
  Type.Array(Type.String({ maxLength: 253 }), { maxItems: 100, uniqueItems: true, description });

const openidSchema = Type.Object(
  {
    issuer: Type.String({ minLength: 1, maxLength: 512, description: 'Issuer URL; cannot be changed later' }),
    clientId: text(256),
    clientAuthentication: Type.Optional(
      Type.Enum(['client_secret_basic', 'client_secret_post', 'none'], {
        description: 'Default: client_secret_basic',
      }),
    ),
    scopes: Type.Optional(
      Type.Array(
        Type.String({ pattern: '^[\\x21\\x23-\\x5B\\x5D-\\x7E]{1,128}$', description: 'an OAuth scope' }),
        { maxItems: 30, uniqueItems: true, description: 'Default: openid, email, profile' },
      ),
    ),
    readUserinfo: Type.Optional(
      Type.Boolean({ description: 'Read claims from the userinfo endpoint, too; default false' }),
    ),
    claims: Type.Optional(
      Type.Object(
        {
          email: Type.Optional(claimName),
          emailVerified: Type.Optional(claimName),
          name: Type.Optional(claimName),
          groups: Type.Optional(claimName),
        },
        {
          additionalProperties: false,
          description: 'Default: email, email_verified, name, groups',
        },
      ),
    ),
    trustMfa: Type.Optional(
      Type.Boolean({
        description:
          'Whether a second factor that the provider tells of (amr: mfa) counts here; default false',
      }),
    ),
    freshSignIn: Type.Optional(
      Type.Enum(['auth_time', 'arrival'], {
        description:
          'What shows that somebody has signed in there just now: auth_time, or for a provider that does not tell it, that they come back after it had to ask them. Default: auth_time; for Google arrival',
      }),
    ),
    certificateAuthority: Type.Optional(pem),
  },
  { additionalProperties: false },
);

const ldapSchema = Type.Object(
  {
    url: Type.String({
      pattern: '^ldaps?://([A-Za-z0-9.-]{1,253}|\\[[0-9a-fA-F:.]{2,45}\\])(:[1-9][0-9]{0,4})?/?$',
      description: 'an LDAP URL without a path, such as ldaps://ldap.example.com',
    }),
    startTls: Type.Optional(Type.Boolean({ description: 'For ldap: URLs; default true' })),
    certificateAuthority: Type.Optional(pem),
    readerDn: Type.Optional(
      Type.String({
        pattern: '^[^\\u0000-\\u001f]*[=@\\\\][^\\u0000-\\u001f]*$',
        maxLength: 512,
        description: 'a distinguished name, or in Active Directory user@domain',
      }),
    ),
    baseDn: text(512, 'Where people are'),
    personClass: Type.Optional(attributeName),
    loginAttributes: Type.Optional(
      Type.Array(attributeName, {
        minItems: 1,
        maxItems: 5,
        uniqueItems: true,
        description: 'Default: mail',
      }),
    ),
    idAttribute: Type.Optional(attributeName),
    emailAttribute: Type.Optional(attributeName),
    nameAttribute: Type.Optional(attributeName),
    groupsAttribute: Type.Optional(attributeName),
    groupSearch: Type.Optional(
      Type.Object(
        { baseDn: text(512), memberAttribute: attributeName, nameAttribute: attributeName },
        { additionalProperties: false },
      ),
    ),
    disabledFlag: Type.Optional(
      Type.Object(
        { attribute: attributeName, mask: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }) },
        { additionalProperties: false, description: 'In Active Directory: userAccountControl and 2' },
      ),
    ),
  },
  { additionalProperties: false },
);

/** Everything about a source that its administrators choose, but its secret. */
export const signInSourceSchema = Type.Object(
  {
    kind: Type.Enum(['openid', 'ldap'], { description: 'Cannot be changed later' }),
    name: Type.String({ minLength: 1, maxLength: 60, description: 'Shown on the sign-in page' }),
    enabled: Type.Optional(Type.Boolean({ description: 'Default true' })),
    applicationTenantIds: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
        maxItems: 100,
        uniqueItems: true,
        description: 'Application tenants whose people may use it; absent: all',
      }),
    ),
    domains: Type.Optional(
      domains(
        'E-mail domains whose people the source is for, and the only ones for which it makes accounts; empty: any',
      ),
    ),
    linkDomains: Type.Optional(
      domains(
        'E-mail domains for which the source is believed: accounts with such an address are linked to it without a further proof. Each must be a verified domain of the application tenant',
      ),
    ),
    createAccounts: Type.Optional(
      Type.Boolean({ description: 'Whether newcomers get an account; default true' }),
    ),
    defaultRoles: Type.Optional(
      Type.Array(roleName, {
        maxItems: 20,
        uniqueItems: true,
        description: 'Roles of accounts that it makes',
      }),
    ),
    roleMapping: Type.Optional(
      Type.Array(
        Type.Object(
          { group: text(512), roles: Type.Array(roleName, { minItems: 1, maxItems: 20, uniqueItems: true }) },
          { additionalProperties: false },
        ),
        {
          maxItems: 100,
          description:
            'Roles that come with a group, and go with it; roles that are not named here stay as they are',
        },
      ),
    ),
    openid: Type.Optional(openidSchema),
    ldap: Type.Optional(ldapSchema),
  },
  { additionalProperties: false },
);

export type SignInSourceSettings = Static<typeof signInSourceSchema>;
export type OpenidSettings = Static<typeof openidSchema>;
export type LdapSettings = Static<typeof ldapSchema>;

/** A stored source. Its secret is with `SignInSources.readSecret` only. */
export interface SignInSource extends SignInSourceSettings {
  /** `src_…`; part of the callback address. */
  id: string;
  hasSecret: boolean;
  /** Changes with every change. */
  version: string;
  /** ISO 8601. */
  createdAt: string;
  updatedAt: string;
}

/** Whether people of the application tenant may use the source, as far as the source says. */
export function isForApplicationTenant(
  { enabled = true, applicationTenantIds }: SignInSource,
  applicationTenantId: string,
): boolean {
  return enabled && (applicationTenantIds?.includes(applicationTenantId) ?? true);
}

/** What the schema cannot say: every problem, each with its field (B9). `addressProblem` judges where a URL may lead. */
export function signInSourceProblems(
  { kind, openid, ldap, domains: own = [], linkDomains = [] }: Partial<SignInSourceSettings>,
  addressProblem: (url: URL) => string | undefined,
): FieldError[] {
  const problems: FieldError[] = [];
  for (const [name, settings] of [['openid', openid] as const, ['ldap', ldap] as const]) {
    if (kind === name && settings === undefined) {
      problems.push({ field: name, message: 'is required' });
    }
    if (kind !== undefined && kind !== name && settings !== undefined) {
      problems.push({ field: name, message: `is only for sources of the kind ${name}` });
    }
  }
  if (kind === 'ldap' && own.length === 0) {
    problems.push({ field: 'domains', message: 'must name the e-mail domains that the directory is for' });
  }
  for (const [field, list] of [['domains', own] as const, ['linkDomains', linkDomains] as const]) {
    for (const [index, domain] of list.entries()) {
      if (parseDomain(domain) !== domain) {
        problems.push({ field: `${field}.${index}`, message: 'must be a domain in lower case' });
      }
    }
  }
  if (openid?.issuer !== undefined) {
    const message = issuerProblem(openid.issuer, addressProblem);
    problems.push(...(message === undefined ? [] : [{ field: 'openid.issuer', message }]));
  }
  if (openid?.scopes !== undefined && !openid.scopes.includes('openid')) {
    problems.push({ field: 'openid.scopes', message: 'must include openid' });
  }
  if (ldap?.url !== undefined) {
    const url = URL.parse(ldap.url);
    const message = url === null ? 'must be an LDAP URL' : addressProblem(url);
    problems.push(...(message === undefined ? [] : [{ field: 'ldap.url', message }]));
    if (url?.protocol === 'ldaps:' && ldap.startTls === true) {
      problems.push({ field: 'ldap.startTls', message: 'is only for ldap: URLs' });
    }
  }
  return problems;
}

/** OpenID Connect Discovery §2, §4: no query and no fragment. */
function issuerProblem(issuer: string, addressProblem: (url: URL) => string | undefined): string | undefined {
  const url = URL.parse(issuer);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    return 'must be an https URL';
  }
  if (url.username !== '' || url.password !== '') {
    return 'must not contain credentials';
  }
  if (/[?#]/.test(issuer)) {
    return 'must have no query and no fragment';
  }
  return addressProblem(url);
}
