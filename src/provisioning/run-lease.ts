import type { RunId, TenantId } from '../kernel/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Postgres, Queryable } from '../platform/postgres.ts';

/** The right to work on a run. A later holder has a greater fence. */
export interface Lease {
  tenantId: TenantId;
  runId: RunId;
  /** A bigint, as text. */
  fence: string;
}

/** Another worker holds the run now; whatever this one still wants to write is void. */
export class LeaseLost extends Error {
  constructor(runId: RunId) {
    super(`another worker took over provisioning run ${runId}`);
    this.name = 'LeaseLost';
  }
}

/**
 * Refuses when the lease is not the latest one: the beginning of every transaction that writes a run. Whoever takes a run over locks the
 * tenant's row first, so holding that row keeps the fence as it is until the transaction ends.
 */
export async function assertLease(transaction: Queryable, { tenantId, runId, fence }: Lease): Promise<void> {
  await transaction.query('select 1 from tenants where id = $1 for update', [tenantId]);
  const { rowCount } = await transaction.query(
    'select 1 from provisioning_runs where id = $1 and fence = $2',
    [runId, fence],
  );
  if (rowCount !== 1) {
    throw new LeaseLost(runId);
  }
}

export interface HeldLease {
  /** Aborts when `outer` does, and when the lease is lost or could not be renewed in time. */
  signal: AbortSignal;
  /** Renews the lease now. `LeaseLost` when another worker has it, and the signal's reason when that has aborted. */
  renew(): Promise<void>;
  /** Stops renewing and lets the next worker take the run at once. */
  release(): Promise<void>;
}

/**
 * Renews the lease by PostgreSQL's clock three times per period. Work that outlives a lease it could not renew is aborted, because
 * another worker may hold the run by then; the fence keeps it from writing the record and the directory entry in any case.
 */
export function holdLease(options: {
  postgres: Postgres;
  lease: Lease;
  leaseMs: number;
  outer: AbortSignal | undefined;
  log: Log;
}): HeldLease {
  const { postgres, lease, leaseMs, outer, log } = options;
  const lost = new AbortController();
  let renewedAt = performance.now();
  let renewing: Promise<void> | undefined;

  async function renew(): Promise<void> {
    const startedAt = performance.now();
    const { rowCount } = await postgres.query(
      `update provisioning_runs set lease_until = clock_timestamp() + $3 * interval '1 millisecond'
        where id = $1 and fence = $2`,
      [lease.runId, lease.fence, leaseMs],
    );
    if (rowCount === 0) {
      lost.abort(new LeaseLost(lease.runId));
    }
    renewedAt = startedAt;
  }

  async function renewInTime(): Promise<void> {
    try {
      await renew();
    } catch (error) {
      log.warn({ err: error, runId: lease.runId }, 'the lease of a provisioning run could not be renewed');
    }
  }

  const timer = setInterval(() => {
    if (performance.now() - renewedAt > leaseMs) {
      lost.abort(new LeaseLost(lease.runId));
    }
    renewing ??= renewInTime().finally(() => {
      renewing = undefined;
    });
  }, leaseMs / 3);

  const signal = outer ? AbortSignal.any([outer, lost.signal]) : lost.signal;
  return {
    signal,
    async renew() {
      await renew();
      signal.throwIfAborted();
    },
    async release() {
      clearInterval(timer);
      await renewing;
      try {
        await postgres.query('update provisioning_runs set lease_until = null where id = $1 and fence = $2', [
          lease.runId,
          lease.fence,
        ]);
      } catch (error) {
        log.warn({ err: error, runId: lease.runId }, 'the lease of a provisioning run could not be released');
      }
    },
  };
}
