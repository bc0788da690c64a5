import { canonicalHash } from '../audit/canonical-json.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { Postgres, Queryable } from '../platform/postgres.ts';
import type { Answer } from './answer.ts';

/** How long a repeated request gets the first one's answer. */
const keptMs = 24 * 60 * 60 * 1000;
/** Old answers removed with each new one, so that they never pile up and no request pays for many. */
const removedAtOnce = 20;

export interface RepeatableRequest {
  /** The header `Idempotency-Key`; empty when not sent. */
  key: string;
  /** Who may repeat what: the caller, the method and the path. A key means nothing outside its scope. */
  scope: readonly string[];
  body: unknown;
}

/**
 * Runs `work` in a transaction. With a key, the answer is kept in that same transaction, and the same request sent again gets it without
 * `work` being run; a request with the same key and another body is `AppError('idempotency_key_reused')`. Requests that arrive at once wait
 * for the first. An answer that is an error is not kept: the request may be tried again.
 */
export async function answerOnce(
  { postgres, clock }: { postgres: Postgres; clock: Clock },
  { key, scope: scopeParts, body }: RepeatableRequest,
  work: (transaction: Queryable) => Promise<Answer>,
): Promise<Answer> {
  if (key === '') {
    return postgres.transaction(work);
  }
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new AppError('invalid_request', 'Idempotency-Key must be 1 to 255 visible ASCII characters.');
  }
  const scope = canonicalHash(scopeParts);
  const requestHash = canonicalHash(body);
  return postgres.transaction(async (transaction) => {
    await transaction.query(`select pg_advisory_xact_lock(hashtextextended('idempotency:' || $1 || $2, 0))`, [
      scope,
      key,
    ]);
    const { rows } = await transaction.query<{ request_hash: string; status: number; body: StoredAnswer }>(
      'select request_hash, status, body from idempotency_keys where scope = $1 and key = $2 and created_at > $3',
      [scope, key, new Date(clock.now() - keptMs)],
    );
    const [kept] = rows;
    if (kept !== undefined) {
      if (kept.request_hash !== requestHash) {
        throw new AppError('idempotency_key_reused', 'This Idempotency-Key was used for another request.');
      }
      return {
        status: kept.status,
        body: kept.body.body,
        headers: { ...kept.body.headers, 'Idempotent-Replayed': 'true' },
      };
    }
    const answer = await work(transaction);
    await keep(transaction, clock, { scope, key, requestHash, answer });
    return answer;
  });
}

interface StoredAnswer {
  body: object;
  headers: Record<string, string>;
}

async function keep(
  transaction: Queryable,
  clock: Clock,
  { scope, key, requestHash, answer }: { scope: string; key: string; requestHash: string; answer: Answer },
): Promise<void> {
  const stored: StoredAnswer = { body: answer.replayBody ?? answer.body, headers: answer.headers ?? {} };
  await transaction.query(
    `delete from idempotency_keys where ctid in
       (select ctid from idempotency_keys where created_at <= $1 order by created_at limit ${removedAtOnce}
          for update skip locked)`,
    [new Date(clock.now() - keptMs)],
  );
  await transaction.query(
    `insert into idempotency_keys (scope, key, request_hash, status, body, created_at) values ($1, $2, $3, $4, $5, $6)
     on conflict (scope, key) do update
       set request_hash = excluded.request_hash, status = excluded.status, body = excluded.body, created_at = excluded.created_at`,
    [scope, key, requestHash, answer.status, JSON.stringify(stored), new Date(clock.now())],
  );
}
