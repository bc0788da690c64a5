import type { Context } from 'koa';
import type { Account } from '../../identity/accounts.ts';
import type { ActivityLog } from '../../identity/activity-log.ts';
import type { AttemptLimits, AttemptPurpose } from '../../identity/attempt-limits.ts';
import type { KnownDevices } from '../../identity/known-devices.ts';
import type { SecurityAlertKind, SecurityAlerts } from '../../identity/security-alerts.ts';
import { AppError } from '../../kernel/errors.ts';
import type { ReadClientIp } from '../../web/client-ip.ts';

/** `present-password`: of somebody who is signed in, so that strangers who guess at sign-in are not counted here. */
export type FactorAttempt = Extract<AttemptPurpose, 'totp' | 'recovery-code' | 'present-password'>;

export interface FactorGuard {
  /** Lets `check` look at what was typed in, unless attempts at this account have to wait; counts what came of it. */
  attempt(
    context: Context,
    account: Account,
    purpose: FactorAttempt,
    check: () => Promise<boolean>,
  ): Promise<'right' | 'wrong' | 'must-wait'>;
  /** Tells the account's owner what has happened to the account's factors. */
  tell(
    context: Context,
    account: Account,
    kind: Extract<SecurityAlertKind, 'factor-added' | 'factor-removed' | 'factor-replaced' | 'recovery-used'>,
    factor: 'totp' | 'passkey' | 'recovery-codes',
  ): void;
}

/** Stands between what an account's owner knows or has, and whoever is half-way in and guesses at it (B4). */
export function createFactorGuard({
  limits,
  alerts,
  activity,
  devices,
  readClientIp,
}: {
  limits: Pick<AttemptLimits, 'begin'>;
  alerts: Pick<SecurityAlerts, 'raise'>;
  activity: Pick<ActivityLog, 'note'>;
  devices: Pick<KnownDevices, 'read'>;
  readClientIp: ReadClientIp;
}): FactorGuard {
  const placeOf = (context: Context) => ({
    clientIp: readClientIp(context.req),
    userAgent: context.get('User-Agent'),
  });
  return {
    async attempt(context, account, purpose, check) {
      const { applicationTenantId, id: subject } = account;
      const { clientIp } = placeOf(context);
      const attempt = await limits
        .begin({
          purpose,
          realm: applicationTenantId,
          subject,
          clientIp,
          deviceId: devices.read(context).idForAccount(subject),
        })
        .catch((error) => {
          if (error instanceof AppError && error.code === 'rate_limited') {
            context.set({ ...error.headers });
            return undefined;
          }
          throw error;
        });
      if (!attempt) {
        return 'must-wait';
      }
      if (await check()) {
        await attempt.succeeded();
        return 'right';
      }
      const { lockedOut } = await attempt.failed();
      activity.note(
        purpose === 'present-password'
          ? { kind: 'password-refused', account }
          : { kind: 'sign-in-failed', account, reason: purpose },
        context,
      );
      if (lockedOut) {
        alerts.raise({ kind: 'lockout', account, ...placeOf(context) });
      }
      return 'wrong';
    },

    tell(context, account, kind, factor) {
      alerts.raise({ kind, account, factor, ...placeOf(context) });
    },
  };
}
