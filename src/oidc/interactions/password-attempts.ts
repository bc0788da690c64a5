import type { Context } from 'koa';
import type { Accounts } from '../../identity/accounts.ts';
import type { ActivityLog } from '../../identity/activity-log.ts';
import type { PolicyOf } from '../../identity/application-rules.ts';
import type { AttemptLimits, OpenAttempt } from '../../identity/attempt-limits.ts';
import { admitsAddress } from '../../identity/ip-restrictions.ts';
import type { KnownDevices } from '../../identity/known-devices.ts';
import type { SecurityAlerts } from '../../identity/security-alerts.ts';
import { AppError } from '../../kernel/errors.ts';
import type { ReadClientIp } from '../../web/client-ip.ts';
import type { Message } from '../../web/i18n/texts.ts';
import type { OnSignInTried } from './sign-in-outcome.ts';

/** Why an attempt went nowhere, and the status to say it with. */
export interface AttemptRefusal {
  status: number;
  error: Message;
}

/** As whom somebody tries. */
export interface AttemptedLogin {
  applicationTenantId: string;
  /** As typed. */
  email: string;
}

export interface PasswordAttempts {
  /**
   * What `verify` finds, or what to tell the person; before it stand the application tenant's networks and the limits. Nothing found counts as a wrong
   * password, and so does what `isWrong` says.
   */
  attempt<T extends object>(
    context: Context,
    login: AttemptedLogin,
    verify: () => Promise<T | undefined>,
    isWrong?: (found: T) => boolean,
  ): Promise<T | AttemptRefusal>;
  /** Whether the application tenant takes sign-ins from there, or the tenant when it is not known yet which one it is (B4). */
  isFromAllowedNetwork(context: Context, applicationTenantId?: string): Promise<boolean>;
}

/** One sentence for everything that may be wrong: it must not tell whether there is such an account. */
const wrongCredentials: AttemptRefusal = { status: 401, error: { key: 'sign-in.wrong-credentials' } };
const wrongNetwork: AttemptRefusal = { status: 403, error: { key: 'sign-in.wrong-network' } };

/** Every proof of a first password goes through here, on whichever page. */
export function createPasswordAttempts({
  policyOf,
  limits,
  devices,
  alerts,
  activity,
  findByEmail,
  readClientIp,
  onSignInTried,
}: {
  policyOf: PolicyOf;
  limits: AttemptLimits;
  devices: Pick<KnownDevices, 'read'>;
  alerts: SecurityAlerts;
  activity: Pick<ActivityLog, 'note'>;
  findByEmail: Accounts['findByEmail'];
  readClientIp: ReadClientIp;
  onSignInTried: OnSignInTried;
}): PasswordAttempts {
  async function isFromAllowedNetwork(context: Context, applicationTenantId?: string): Promise<boolean> {
    return admitsAddress(await policyOf(applicationTenantId), readClientIp(context.req));
  }

  return {
    isFromAllowedNetwork,

    async attempt(context, { applicationTenantId, email }, verify, isWrong = () => false) {
      // Before the password: the answer must be the same for every account.
      if (!(await isFromAllowedNetwork(context, applicationTenantId))) {
        onSignInTried('network-refused');
        activity.note({ kind: 'sign-in-failed', applicationTenantId, reason: 'network' }, context);
        return wrongNetwork;
      }
      const clientIp = readClientIp(context.req);
      let attempt: OpenAttempt;
      try {
        attempt = await limits.begin({
          purpose: 'password',
          realm: applicationTenantId,
          subject: email,
          clientIp,
          deviceId: devices.read(context).idForAddress(applicationTenantId, email),
        });
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'rate_limited') {
          throw error;
        }
        onSignInTried('rate-limited');
        context.set({ ...error.headers });
        return { status: error.status, error: { key: 'sign-in.too-many-attempts' } };
      }
      const found = await verify();
      if (found !== undefined && !isWrong(found)) {
        await attempt.succeeded();
        return found;
      }
      const account = () => findByEmail(applicationTenantId, email);
      activity.note({ kind: 'sign-in-failed', account, applicationTenantId, reason: 'password' }, context);
      if ((await attempt.failed()).lockedOut) {
        alerts.raise({
          kind: 'lockout',
          account,
          applicationTenantId,
          clientIp,
          userAgent: context.get('User-Agent'),
        });
      }
      onSignInTried('wrong-credentials');
      return found ?? wrongCredentials;
    },
  };
}
