import { Type } from 'typebox';
import type { Slug } from '../../kernel/ids.ts';
import type {
  CookieKeyRecord,
  IntendedKey,
  KeyHistory,
  SigningKeyRecord,
  TenantRecord,
} from '../../kernel/tenant.ts';
import type { Queryable } from '../../platform/postgres.ts';
import type { Queue } from '../../platform/queue.ts';
import { recordKeyEvents } from '../../tenancy/key-audit.ts';
import { iso, nextStep } from '../../tenancy/key-lifecycle.ts';
import {
  cookieKeyWaits,
  type KeyTimings,
  type KeyWaits,
  signingKeyWaits,
} from '../../tenancy/key-timings.ts';
import type { KeyRevocations } from '../../tenancy/revoke-keys.ts';
import type { KeyRotation } from '../../tenancy/rotate-keys.ts';
import type { AccessRules } from '../access.ts';
import type { Answer } from '../answer.ts';
import { json } from '../answer-schema.ts';
import { keysSchema } from '../answers/keys.ts';
import { type OpenTenantDependencies, openTenant } from '../open-tenant.ts';
import { noQuery } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface KeyRoutesDependencies extends OpenTenantDependencies {
  queue: Pick<Queue, 'send' | 'wake'>;
  keyRotation: Pick<KeyRotation, 'begin' | 'beginCookies'>;
  keyRevocations: KeyRevocations;
  keyTimings: KeyTimings;
}

const rotateSchema = Type.Object(
  { alg: Type.Optional(Type.Enum(['ES256', 'RS256', 'PS256'])) },
  { additionalProperties: false },
);
const nothingSchema = Type.Object({}, { additionalProperties: false });
const revokeSchema = Type.Object(
  { reason: Type.String({ minLength: 1, maxLength: 2000 }) },
  { additionalProperties: false },
);

/** A tenant's signing and cookie keys: their life, their rotation, and their revocation when somebody else may know them. */
export function keyRoutes(
  { read, write }: RouteKinds,
  access: AccessRules,
  dependencies: KeyRoutesDependencies,
): Route[] {
  const { queue, keyRotation, keyRevocations, keyTimings, clock } = dependencies;
  const view = keysView(keyTimings);

  /** What remains is done by a worker, which also takes care of it should this process end now. */
  async function handOver(transaction: Queryable, status: number, record: TenantRecord): Promise<Answer> {
    await queue.send(transaction, 'tenant-keys', { slug: record.slug });
    await recordKeyEvents(transaction, clock, record);
    return { status, body: view(record), afterCommit: () => queue.wake('tenant-keys') };
  }

  async function open(slug: Slug): Promise<Slug> {
    return (await openTenant(dependencies, slug)).record.slug;
  }

  return [
    read({
      path: '/api/tenants/{slug}/keys',
      operation: 'listKeys',
      summary: "List a tenant's keys",
      answers: { 200: json(keysSchema) },
      access: access.tenant('keys:read'),
      query: noQuery,
      handle: async ({ caller }) => ({
        status: 200,
        body: view((await openTenant(dependencies, caller.slug)).record),
      }),
    }),
    write({
      path: '/api/tenants/{slug}/keys/rotate',
      operation: 'rotateKey',
      summary: 'Rotate a signing key, or add one of another algorithm',
      answers: { 202: json(keysSchema) },
      access: access.tenant('keys:write'),
      body: rotateSchema,
      async handle({ caller, body, transaction }) {
        const slug = await open(caller.slug);
        return handOver(transaction, 202, await keyRotation.begin(slug, { alg: body.alg, by: caller.actor }));
      },
    }),
    write({
      path: '/api/tenants/{slug}/keys/{kid}/revoke',
      operation: 'revokeKey',
      summary: 'Withdraw a signing key at once',
      answers: { 200: json(keysSchema) },
      access: access.tenant('keys:write'),
      body: revokeSchema,
      async handle({ caller, params, body, transaction }) {
        const slug = await open(caller.slug);
        const withdrawal = { by: caller.actor, reason: body.reason };
        return handOver(transaction, 200, await keyRevocations.revoke(slug, params.kid ?? '', withdrawal));
      },
    }),
    write({
      path: '/api/tenants/{slug}/cookie-keys/rotate',
      operation: 'rotateCookieKey',
      summary: 'Rotate the cookie key',
      answers: { 202: json(keysSchema) },
      access: access.tenant('keys:write'),
      body: nothingSchema,
      async handle({ caller, transaction }) {
        const slug = await open(caller.slug);
        return handOver(transaction, 202, await keyRotation.beginCookies(slug, { by: caller.actor }));
      },
    }),
    write({
      path: '/api/tenants/{slug}/cookie-keys/revoke',
      operation: 'revokeCookieKeys',
      summary: 'Withdraw all cookie keys at once, which ends every session',
      answers: { 200: json(keysSchema) },
      access: access.tenant('keys:write'),
      body: revokeSchema,
      async handle({ caller, body, transaction }) {
        const slug = await open(caller.slug);
        const withdrawal = { by: caller.actor, reason: body.reason };
        return handOver(transaction, 200, await keyRevocations.revokeCookies(slug, withdrawal));
      },
    }),
  ];
}

function keysView(timings: KeyTimings) {
  const signing = signingKeyWaits(timings);
  const cookies = cookieKeyWaits(timings);

  function history({ startedBy: _, ...key }: KeyHistory, waits: KeyWaits) {
    const next = nextStep(key, waits);
    return {
      ...key,
      ...(next === undefined || !Number.isFinite(next.atMs)
        ? {}
        : { next: { state: next.state, at: iso(next.atMs) } }),
    };
  }

  /** Without what only the key store can read. */
  function signingKey({ kid, alg, reference: _, publicJwk: __, ...key }: SigningKeyRecord) {
    return { kid, alg, ...history(key, signing) };
  }

  function intendedKey({ kid, alg, createdAt }: IntendedKey) {
    return { kid, alg, state: 'pending', createdAt };
  }

  function cookieKey({ id, ...key }: CookieKeyRecord) {
    return { id, ...history(key, cookies) };
  }

  return ({ signingKeys, intendedKeys = [], cookieKeys = [] }: TenantRecord) => ({
    keys: [...intendedKeys.map(intendedKey), ...signingKeys.map(signingKey)],
    cookieKeys: cookieKeys.map(cookieKey),
  });
}
