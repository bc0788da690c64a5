/**
 * Limits on attempts: guessing a password, a TOTP or a recovery code, asking for mails, signing up (B4). Counts are kept in the tenant's
 * table, so all processes see the same ones; a count in the process comes first, so that a flood does not reach the table.
 *
 * Whoever checks a secret:
 *
 *     const attempt = await limits.begin({ purpose: 'totp', realm: applicationTenantId, subject: account.id, clientIp, deviceId });
 *     if (!valid) { const { lockedOut } = await attempt.failed(); … }   // `lockedOut`: tell the account's owner (`SecurityAlerts`)
 *     else await attempt.succeeded();
 *
 * Whoever does something that costs others, such as sending a mail, asks `limits.count(…)` once per use. Both throw
 * `AppError('rate_limited')` with `Retry-After`, before anything is looked at, and do the same for subjects that do not exist.
 *
 * After some free failures the next attempt has to wait, twice as long with each further failure, up to a quarter of an hour. While a lane is
 * slowed down, its attempts are counted before they are made, one at a time, so that parallel ones gain nothing.
 *
 * Nobody can lock an owner out for good: a wait is bounded, a browser on which the account has signed in before (`deviceId`, see
 * known-devices.ts) is counted by itself and does not feel what strangers do, and a new password by mail makes the browser a known one.
 */
import { createHash } from 'node:crypto';
import type { Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { TenantId } from '../kernel/ids.ts';
import { networkOf } from '../web/client-ip.ts';
import { createAttemptCounters, waitSeconds } from './attempt-counters.ts';
import { type AttemptPurpose, lanesOf, pressureLane } from './attempt-lanes.ts';
import type { ProcessLimits } from './process-limits.ts';

export type { AttemptPurpose } from './attempt-lanes.ts';

export interface Attempt {
  purpose: AttemptPurpose;
  /** Where the subject is one: the id of an application tenant, or of a sign-in source. */
  realm: string;
  /** What is guessed at: an account id, or an address as typed; the same for all attempts of one purpose. */
  subject: string;
  clientIp: string;
  /** Of a browser that is known for this very subject. */
  deviceId?: string | undefined;
}

export interface OpenAttempt {
  /** `lockedOut` is true for one failure only: the one after which attempts at this subject have to wait. */
  failed(): Promise<{ lockedOut: boolean }>;
  /** Forgives what was mistyped on the way. Writes only when there is something to forgive. */
  succeeded(): Promise<void>;
}

export interface AttemptLimits {
  /** Before the secret is looked at. `AppError('rate_limited')` when attempts have to wait. */
  begin(attempt: Attempt): Promise<OpenAttempt>;
  /** Counts one use of something that has no right or wrong. `AppError('rate_limited')` when uses have to wait. */
  count(attempt: Attempt): Promise<void>;
}

/** How long what is known of the whole tenant's failures may be old. */
const pressureReadEveryMs = 10_000;

export function createAttemptLimits({
  tenantId,
  table,
  clock,
  processLimits,
  freeFailures,
}: {
  tenantId: TenantId;
  table: Table;
  clock: Clock;
  /** One for the whole process. */
  processLimits: ProcessLimits;
  /** Failures at one account from one network that cost no wait. */
  freeFailures: number;
}): AttemptLimits {
  const counters = createAttemptCounters({ table, clock });
  const pressure = pressureLane(freeFailures);
  let underPressure = false;
  let pressureReadAt = Number.NEGATIVE_INFINITY;

  /** Many failures all over the tenant, as when a list of leaked passwords is tried: strangers then get less for free. */
  async function isUnderPressure(): Promise<boolean> {
    if (clock.now() - pressureReadAt >= pressureReadEveryMs) {
      pressureReadAt = clock.now();
      const { failures } = await counters.read(pressure);
      underPressure = failures >= pressure.free;
    }
    return underPressure;
  }

  async function begin(attempt: Attempt): Promise<OpenAttempt> {
    const { purpose, realm, clientIp, deviceId } = attempt;
    const subject = hashOf(realm, attempt.subject.trim().toLowerCase());
    const network = networkOf(clientIp);
    const place = { tenantId, purpose, subject, network, deviceId };
    await processLimits.take(place);
    const lanes = lanesOf({ ...place, freeFailures, underPressure: await isUnderPressure() });
    const counts = await Promise.all(lanes.map((lane) => counters.read(lane)));
    const seen = lanes.map((lane, index) => ({ lane, count: counts[index] ?? { failures: 0 } }));
    refuseBefore(Math.max(...seen.map(({ lane, count }) => waitSeconds(lane, count, clock))));
    // From here on a slowed lane has one attempt at a time: it is counted now, and whoever else saw the same count loses.
    const claims = await Promise.all(
      seen.map(async ({ lane, count }) => count.failures >= lane.free && (await counters.claim(lane, count))),
    );
    const lost = seen.filter(({ lane, count }, index) => count.failures >= lane.free && !claims[index]);
    refuseBefore(
      Math.max(0, ...lost.map(({ lane, count }) => waitSeconds(lane, { ...count, at: clock.now() }, clock))),
    );

    const isGuess = lanes.some(({ ofSubject }) => ofSubject);

    return {
      async failed() {
        const [, ...after] = await Promise.all([
          isGuess && counters.add(pressure),
          ...seen.map(({ lane }, index) => (claims[index] ? undefined : counters.add(lane))),
        ]);
        const lockedOut = seen.some(({ lane }, index) => lane.ofSubject && after[index] === lane.free);
        return { lockedOut };
      },

      async succeeded() {
        await processLimits.forgive(place);
        await Promise.all(
          seen.map(async ({ lane, count }, index) => {
            if (lane.forgiven && count.failures > 0) await counters.clear(lane);
            else if (claims[index]) await counters.add(lane, -1);
          }),
        );
      },
    };
  }

  return {
    begin,
    async count(attempt) {
      const { failed } = await begin(attempt);
      await failed();
    },
  };
}

function refuseBefore(seconds: number): void {
  if (seconds > 0) {
    throw new AppError('rate_limited', `Too many attempts. Try again in ${seconds} seconds.`, {
      headers: { 'Retry-After': String(seconds) },
    });
  }
}

/** What people typed in is not kept, and its length costs nothing. */
function hashOf(...parts: string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}
