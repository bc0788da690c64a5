import { auditReceiptReissued } from '../audit/events.ts';
import type { Statements } from '../audit/statements.ts';
import type { Actor } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { Slug, TenantId } from '../kernel/ids.ts';
import { type Random, randomId } from '../kernel/random.ts';
import type { Queryable } from '../platform/postgres.ts';
import {
  composeReceipt,
  type ReceiptClaims,
  readReceiptsOfTenant,
  receiptType,
  type StoredReceipt,
  storeReceipt,
} from './receipt.ts';

/**
 * Issues a tenant's receipt anew, in the caller's transaction, because the key that signed it was revoked: what is on record is put together once
 * more and signed by the platform's present key, and says which receipt it supersedes. The former one stays. `AppError('not_found')`;
 * `AppError('conflict')` when nothing speaks against the receipt.
 */
export type ReissueReceipt = (
  transaction: Queryable,
  order: { slug: Slug; actor: Actor },
) => Promise<StoredReceipt>;

export function createReissueReceipt({
  statements,
  clock,
  random,
}: {
  statements: Pick<Statements, 'sign' | 'keys'>;
  clock: Clock;
  random: Random;
}): ReissueReceipt {
  return async (transaction, { slug, actor }) => {
    const tenant = await lockTenantBySlug(transaction, slug);
    const [former] = await readReceiptsOfTenant(transaction, tenant.id);
    if (former === undefined) {
      throw new AppError('not_found', 'The tenant has no receipt.');
    }
    const key = (await statements.keys()).find(({ kid }) => kid === former.kid);
    if (key?.revoked_at === undefined) {
      throw new AppError('conflict', 'The key that signed the receipt was not revoked.');
    }
    const now = new Date(clock.now());
    const { runId } = former;
    const id = `rcp_${randomId(random)}`;
    const version = former.version + 1;
    const claims: ReceiptClaims = {
      ...(await composeReceipt(transaction, { tenant, runId, id, now, ownStep: 'receipt' })),
      version,
      supersedes: { jti: former.id, kid: former.kid, revoked_at: key.revoked_at },
    };
    const signed = await statements.sign(receiptType, { ...claims });
    const receipt = { id, version, ...signed, createdAt: now };
    await storeReceipt(transaction, { tenantId: tenant.id, runId, receipt });
    await auditReceiptReissued(transaction, clock, {
      tenantId: tenant.id,
      actor,
      slug,
      receiptId: id,
      supersedes: former.id,
    });
    return receipt;
  };
}

/** Also of a tenant that is gone: its evidence stays. */
async function lockTenantBySlug(
  transaction: Queryable,
  slug: Slug,
): Promise<{ id: TenantId; slug: Slug; name: string; createdBy: string }> {
  const { rows } = await transaction.query<{ id: TenantId; slug: Slug; name: string; createdBy: string }>(
    `select id, slug, name, created_by as "createdBy" from tenants
      where slug = $1 order by created_at desc, id desc limit 1 for update`,
    [slug],
  );
  const [tenant] = rows;
  if (tenant === undefined) {
    throw new AppError('not_found', 'There is no such tenant.');
  }
  return tenant;
}
