import { decodeJwt } from 'jose';
import { Type } from 'typebox';
import type { Statements } from '../../audit/statements.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Random } from '../../kernel/random.ts';
import type { Postgres } from '../../platform/postgres.ts';
import { readReceiptsOfTenant, type StoredReceipt } from '../../provisioning/receipt.ts';
import { createReissueReceipt } from '../../provisioning/reissue-receipt.ts';
import { type AccessRules, noSuchTenant } from '../access.ts';
import { json } from '../answer-schema.ts';
import { evidenceKeysSchema, receiptSchema } from '../answers/evidence.ts';
import { noQuery, querySchema } from '../queries.ts';
import { readTenantBySlug } from '../read-tenants.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface EvidenceRoutesDependencies {
  postgres: Postgres;
  statements: Pick<Statements, 'keys' | 'sign'>;
  clock: Clock;
  random: Random;
}

const receiptQuery = querySchema({
  version: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Default: the latest' }),
  ),
});

/** Signed evidence (C7): a tenant's receipt, and the keys that verify receipts and audit checkpoints. */
export function evidenceRoutes(
  { read, write }: RouteKinds,
  access: AccessRules,
  dependencies: EvidenceRoutesDependencies,
): Route[] {
  const { postgres, statements } = dependencies;
  const reissue = createReissueReceipt(dependencies);
  const view = ({ version, jws, kid, publicJwk }: StoredReceipt) => ({
    version,
    receipt: decodeJwt(jws),
    jws,
    key: { ...publicJwk, kid },
  });

  return [
    read({
      path: '/api/evidence/jwks',
      operation: 'listEvidenceKeys',
      summary: 'Every key that ever signed a receipt or an audit checkpoint',
      answers: { 200: json(evidenceKeysSchema) },
      access: access.anyone,
      query: noQuery,
      handle: async () => ({ status: 200, body: { keys: await statements.keys() } }),
    }),
    read({
      path: '/api/tenants/{slug}/receipt',
      operation: 'getReceipt',
      summary: "Read a tenant's provisioning receipt",
      answers: { 200: json(receiptSchema) },
      access: access.tenant('tenants:read'),
      query: receiptQuery,
      async handle({ caller, query: { version } }) {
        const tenant = await readTenantBySlug(postgres, caller.slug);
        if (tenant === undefined) {
          throw noSuchTenant();
        }
        const stored = await readReceiptsOfTenant(postgres, tenant.id);
        const wanted = version === undefined ? stored[0] : stored.find((each) => each.version === version);
        if (wanted === undefined) {
          throw new AppError('not_found', 'The tenant has no such receipt.');
        }
        return { status: 200, body: view(wanted) };
      },
    }),
    write({
      path: '/api/tenants/{slug}/receipt/reissue',
      operation: 'reissueReceipt',
      summary: 'Issue a receipt anew whose key was revoked',
      answers: { 201: json(receiptSchema) },
      access: access.overTenant('admin'),
      body: noQuery,
      handle: async ({ caller: { slug, actor }, transaction }) => ({
        status: 201,
        body: view(await reissue(transaction, { slug, actor })),
      }),
    }),
  ];
}
