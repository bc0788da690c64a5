import type { Context } from 'koa';
import type { Accounts } from '../../../identity/accounts.ts';
import type { AttemptLimits, OpenAttempt } from '../../../identity/attempt-limits.ts';
import type { KnownDevices } from '../../../identity/known-devices.ts';
import type { SecurityAlerts } from '../../../identity/security-alerts.ts';
import { AppError } from '../../../kernel/errors.ts';
import type { ReadClientIp } from '../../../web/client-ip.ts';

/** As whom somebody tries, at which directory. */
export interface DirectoryLogin {
  sourceId: string;
  applicationTenantId: string;
  email: string;
}

export interface DirectoryGuard {
  /** What `ask` finds out, unless attempts at this address have to wait; nothing counts as a wrong password. */
  attempt<T extends object>(
    context: Context,
    login: DirectoryLogin,
    ask: () => Promise<T | undefined>,
  ): Promise<T | undefined | 'must-wait'>;
}

/**
 * Stands between a directory and whoever guesses at its passwords. One directory may serve many application tenants, and an account with the same
 * address may stand in each: guesses are counted by directory and address, whichever way they come, and a password that is right for an account of
 * ours excuses none that was wrong for the directory. A browser is known here by a sign-in with the directory's password alone.
 */
export function createDirectoryGuard({
  limits,
  devices,
  alerts,
  findByEmail,
  readClientIp,
}: {
  limits: Pick<AttemptLimits, 'begin'>;
  devices: Pick<KnownDevices, 'read'>;
  alerts: Pick<SecurityAlerts, 'raise'>;
  findByEmail: Accounts['findByEmail'];
  readClientIp: ReadClientIp;
}): DirectoryGuard {
  return {
    async attempt(context, { sourceId, applicationTenantId, email }, ask) {
      const clientIp = readClientIp(context.req);
      let attempt: OpenAttempt;
      try {
        attempt = await limits.begin({
          purpose: 'directory-password',
          realm: sourceId,
          subject: email,
          clientIp,
          deviceId: devices.read(context).idForAddress(sourceId, email),
        });
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'rate_limited') {
          throw error;
        }
        context.set({ ...error.headers });
        return 'must-wait';
      }
      const found = await ask();
      if (found !== undefined) {
        await attempt.succeeded();
        return found;
      }
      if ((await attempt.failed()).lockedOut) {
        alerts.raise({
          kind: 'lockout',
          account: () => findByEmail(applicationTenantId, email),
          applicationTenantId,
          clientIp,
          userAgent: context.get('User-Agent'),
        });
      }
      return undefined;
    },
  };
}
