import type { Configuration } from 'oidc-provider';
import type { SecurityPolicy } from '../../identity/security-policy.ts';
import { type Clock, epochSeconds } from '../../kernel/clock.ts';
import { startOf } from './session-start.ts';

/** How long sessions of a tenant live, and how many an account has at once (B4). */
export type SessionRules = Pick<
  SecurityPolicy['session'],
  'timeoutSeconds' | 'absoluteTimeoutSeconds' | 'extendOnActivity' | 'maxConcurrent'
>;

/** Those that hold for people of an application tenant. */
export type SessionRulesOf = (applicationTenantId: string) => Promise<SessionRules>;

/** What of a session its end depends on; all in epoch seconds. */
export interface SessionTimes {
  /** `startOf` the session. */
  startedAt: number | undefined;
  /** The latest request of the browser that the provider saved the session for. */
  savedAt: number;
}

/** Seconds that a session has left when its browser is active at `savedAt`: never more than what is left of its absolute time. */
export function secondsLeft(rules: SessionRules, { startedAt, savedAt }: SessionTimes): number {
  const { timeoutSeconds, absoluteTimeoutSeconds, extendOnActivity } = rules;
  if (startedAt === undefined) {
    return timeoutSeconds;
  }
  const idle = extendOnActivity ? timeoutSeconds : startedAt + timeoutSeconds - savedAt;
  return Math.max(0, Math.min(idle, startedAt + absoluteTimeoutSeconds - savedAt));
}

/**
 * Whether a session has come to its end by the rules as they are now: rules that have become stricter count for sessions that began under the
 * former ones.
 */
export function isOver(rules: SessionRules, times: SessionTimes, clock: Clock): boolean {
  return times.savedAt + secondsLeft(rules, times) <= epochSeconds(clock);
}

/** Seconds that a session lives; the provider asks each time it saves one. */
export type SessionTtl = NonNullable<NonNullable<Configuration['ttl']>['Session']>;

export function createSessionTtl(rules: SessionRules, clock: Clock): SessionTtl {
  return (_context, session) =>
    Math.max(1, secondsLeft(rules, { startedAt: startOf(session), savedAt: epochSeconds(clock) }));
}
