import type { Actor } from '../../kernel/actor.ts';
import type { Clock } from '../../kernel/clock.ts';
import { type Random, randomId } from '../../kernel/random.ts';
import type { Queryable } from '../../platform/postgres.ts';
import type { Discrepancy, Unchecked } from './discrepancy.ts';

/** `since`: ISO 8601, when an unbroken row of reports first had it. */
export type ReportedDiscrepancy = Discrepancy & { since: string };

export interface Report {
  id: string;
  state: 'queued' | 'running' | 'done' | 'failed';
  requestedBy: Actor;
  repair: boolean;
  discrepancies: ReportedDiscrepancy[];
  unchecked: Unchecked[];
  /** How many tenants were looked at. */
  tenants: number;
  error: string | null;
  requestedAt: Date;
  finishedAt: Date | null;
}

export interface Reports {
  /** Writes a report that is to be made, in the caller's transaction. Returns its id. */
  request(transaction: Queryable, wanted: { actor: Actor; repair: boolean }): Promise<string>;
  start(id: string): Promise<Pick<Report, 'repair' | 'requestedBy'> | undefined>;
  finish(
    transaction: Queryable,
    id: string,
    result: Pick<Report, 'discrepancies' | 'unchecked' | 'tenants'>,
  ): Promise<void>;
  fail(id: string, error: string): Promise<void>;
  get(id: string): Promise<Report | undefined>;
  /** The latest that was asked for, or the latest that is done. */
  latest(of?: 'done'): Promise<Report | undefined>;
}

const columns = `id, state, requested_by as "requestedBy", repair, discrepancies, unchecked, tenants, error,
  requested_at as "requestedAt", finished_at as "finishedAt"`;

/** Far more than anybody looks back. */
const kept = 200;

export function createReports({
  db,
  clock,
  random,
}: {
  db: Queryable;
  clock: Clock;
  random: Random;
}): Reports {
  const now = () => new Date(clock.now());

  return {
    async request(transaction, { actor, repair }) {
      const id = `rec_${randomId(random)}`;
      await transaction.query(
        `insert into reconciliations (id, state, requested_by, repair, requested_at) values ($1, 'queued', $2, $3, $4)`,
        [id, JSON.stringify(actor), repair, now()],
      );
      await transaction.query(
        `delete from reconciliations where id in (
           select id from reconciliations order by position desc offset ${kept})`,
      );
      return id;
    },

    async start(id) {
      const { rows } = await db.query<Pick<Report, 'repair' | 'requestedBy'>>(
        `update reconciliations set state = 'running' where id = $1 and state in ('queued', 'running')
         returning repair, requested_by as "requestedBy"`,
        [id],
      );
      return rows[0];
    },

    async finish(transaction, id, { discrepancies, unchecked, tenants }) {
      await transaction.query(
        `update reconciliations set state = 'done', discrepancies = $2, unchecked = $3, tenants = $4, finished_at = $5
          where id = $1`,
        [id, JSON.stringify(discrepancies), JSON.stringify(unchecked), tenants, now()],
      );
    },

    async fail(id, error) {
      await db.query(
        `update reconciliations set state = 'failed', error = $2, finished_at = $3 where id = $1 and state <> 'done'`,
        [id, error, now()],
      );
    },

    async get(id) {
      const { rows } = await db.query<Report>(`select ${columns} from reconciliations where id = $1`, [id]);
      return rows[0];
    },

    async latest(of) {
      const { rows } = await db.query<Report>(
        `select ${columns} from reconciliations where $1::text is null or state = $1
          order by position desc limit 1`,
        [of ?? null],
      );
      return rows[0];
    },
  };
}
