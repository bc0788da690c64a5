import { createLocalJWKSet, decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { createClients } from '../clients/clients.ts';
import type { Tables } from '../cloud/tables/port.ts';
import { createApiKeys, isApiKey } from '../identity/api-keys.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { Slug } from '../kernel/ids.ts';
import type { Random } from '../kernel/random.ts';
import { parseSlug } from '../kernel/slug.ts';
import type { TenantRecord } from '../kernel/tenant.ts';
import type { Directory } from '../tenancy/directory.ts';
import { findClientHolder, findKeyHolder, findPerson, type Holder } from './holder.ts';

/** Whoever a valid credential speaks for. `scopes`: what both the credential and the holder's present record allow. */
export interface Caller extends Holder {
  /** Tells this caller from every other. */
  key: string;
  /** The tenant whose issuer made the token. */
  issuer: TenantRecord;
}

/** `slug`: the tenant that the request addresses, to which alone an API key can belong. */
export type Authenticate = (authorization: string, slug?: Slug) => Promise<Caller>;

export interface AuthenticateDependencies {
  directory: Pick<Directory, 'get'>;
  tables: Pick<Tables, 'open'>;
  publicUrl: URL;
  clock: Clock;
  random: Random;
}

/** Clocks of one deployment agree well; this covers rounding and small drift. */
const clockToleranceSeconds = 5;

/**
 * Verifies bearer tokens (RFC 6750) that are JWT access tokens (RFC 9068) for the admin API, with the keys of the issuing tenant's
 * directory entry, so without any HTTP call. The issuer must be an active tenant of this server. Everything else is
 * `AppError('invalid_token')`, whatever the reason, so that forged tokens tell nothing about tenants. API keys are taken as well, at the
 * tenant that they belong to.
 */
export function createAuthenticate(dependencies: AuthenticateDependencies): Authenticate {
  const { directory, publicUrl, clock } = dependencies;

  return async (authorization, addressed) => {
    const token = /^bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(authorization)?.[1];
    if (token === undefined) {
      throw new AppError('invalid_token', 'This needs an access token.', {
        headers: { 'WWW-Authenticate': 'Bearer realm="Tenantry"' },
      });
    }
    if (isApiKey(token)) {
      return loadApiKey(dependencies, addressed, token);
    }
    const slug = slugOfIssuer(token, publicUrl);
    const issuer = slug === undefined ? undefined : await directory.get(slug);
    if (issuer?.status !== 'active') {
      throw invalidToken('the issuer is no active tenant');
    }
    const payload = await verify(token, issuer, { publicUrl, clock });
    return loadCaller(dependencies, issuer, payload);
  };
}

/** Of a tenant that is none and of one that has no such key the answer is the same (E3). */
async function loadApiKey(
  dependencies: AuthenticateDependencies,
  slug: Slug | undefined,
  secret: string,
): Promise<Caller> {
  const { directory, tables, clock, random } = dependencies;
  const issuer = slug === undefined ? undefined : await directory.get(slug);
  if (issuer?.status !== 'active') {
    throw invalidToken('an API key addresses no active tenant');
  }
  const apiKeys = createApiKeys({ table: tables.open(issuer.tableName), clock, random });
  const apiKey = await apiKeys.verify(secret);
  if (apiKey === undefined) {
    throw invalidToken('the tenant has no such API key');
  }
  const holder = await findKeyHolder(dependencies, issuer, apiKey);
  if (holder === undefined) {
    throw invalidToken('the application tenant of the API key is gone or suspended');
  }
  await apiKeys.markUsed(apiKey);
  return { ...holder, key: `${issuer.id} api-key ${apiKey.id}`, issuer };
}

function slugOfIssuer(token: string, publicUrl: URL) {
  try {
    const { iss } = decodeJwt(token);
    const prefix = `${publicUrl.origin}/`;
    return iss?.startsWith(prefix) ? parseSlug(iss.slice(prefix.length)) : undefined;
  } catch {
    return undefined;
  }
}

async function verify(
  token: string,
  issuer: TenantRecord,
  { publicUrl, clock }: { publicUrl: URL; clock: Clock },
): Promise<JWTPayload> {
  // The directory is read with every token, so a key whose signature may count is active by now; a pending one has signed nothing yet, and a
  // retired or revoked one has signed nothing that still counts.
  const keys = issuer.signingKeys.filter(({ state }) => state === 'active' || state === 'retiring');
  const jwks = createLocalJWKSet({
    keys: keys.map(({ publicJwk, kid, alg }) => ({ ...publicJwk, kid, alg, use: 'sig' })),
  });
  try {
    const { payload } = await jwtVerify(token, jwks, {
      issuer: `${publicUrl.origin}/${issuer.slug}`,
      audience: `${publicUrl.origin}/api`,
      typ: 'at+jwt',
      algorithms: [...new Set(keys.map(({ alg }) => alg))],
      requiredClaims: ['exp', 'iat', 'sub', 'client_id'],
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(clock.now()),
    });
    // A token bound to a key (RFC 7800) is worth nothing without its proof, which this API does not take.
    if (payload.cnf !== undefined) {
      throw invalidToken('the token is sender-constrained');
    }
    return payload;
  } catch (error) {
    throw error instanceof errors.JOSEError ? invalidToken(error.code) : error;
  }
}

async function loadCaller(
  dependencies: AuthenticateDependencies,
  issuer: TenantRecord,
  { sub = '', client_id: clientId, scope }: JWTPayload,
): Promise<Caller> {
  const { tables, clock, random } = dependencies;
  const table = tables.open(issuer.tableName);
  const client = await createClients({ table, clock, random }).get(String(clientId));
  if (client?.enabled !== true) {
    throw invalidToken('the client is gone or disabled');
  }
  const holder =
    sub === clientId
      ? await findClientHolder(dependencies, issuer, client)
      : await findPerson(dependencies, issuer, sub);
  if (holder === undefined) {
    throw invalidToken(
      'the account is gone, disabled or of a suspended application tenant, or the client acts for users only',
    );
  }
  const granted = typeof scope === 'string' ? scope.split(' ') : [];
  return {
    ...holder,
    key: `${issuer.id} ${holder.actor.kind === 'client' ? 'client' : 'account'} ${sub}`,
    issuer,
    scopes: granted.filter((name) => holder.scopes.includes(name)),
  };
}

function invalidToken(detail: string): AppError {
  return new AppError('invalid_token', 'The access token is not valid here.', {
    headers: { 'WWW-Authenticate': 'Bearer realm="Tenantry", error="invalid_token"' },
    detail,
  });
}
