import { ConditionFailed, type Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import { describeUserAgent } from '../web/user-agent.ts';
import type { Account } from './accounts.ts';
import type { ActivityLog } from './activity-log.ts';
import type { MailDispatch } from './mail-dispatch.ts';
import type { TenantMailer } from './tenant-mailer.ts';

/** What the owner of an account is told of, whoever did it. */
export const securityAlertKinds = [
  'new-device',
  'password-changed',
  'email-changed',
  'factor-added',
  'factor-removed',
  'factor-replaced',
  'recovery-used',
  'source-linked',
  'source-unlinked',
  'lockout',
] as const;

export type SecurityAlertKind = (typeof securityAlertKinds)[number];

export interface SecurityAlert {
  kind: SecurityAlertKind;
  /** Or how to find it, when looking for it would show by the time of the answer whether there is one. */
  account: AlertedAccount | (() => Promise<AlertedAccount | undefined>);
  /** Where one that has to be looked for would be. */
  applicationTenantId?: string;
  /** Where it goes when not to the account's address: to the former one after a change. */
  to?: string;
  clientIp?: string;
  /** The header as it came. */
  userAgent?: string | undefined;
  /** Which factor: `totp`, `passkey`, `recovery-codes`, or the name of a sign-in source. */
  factor?: string;
  locale?: string | undefined;
}

export type AlertedAccount = Pick<Account, 'id' | 'applicationTenantId' | 'email' | 'name'>;

export interface SecurityAlerts {
  /** Returns at once and never throws: an alert that cannot be sent is logged, and what it tells of has happened all the same. */
  raise(alert: SecurityAlert): void;
}

/** The template of all alerts; its variable `alert` is the kind. */
export const securityAlertTemplate = 'security-alert';

/** These can be provoked by strangers: an account gets one a day. */
const onceADay: readonly SecurityAlertKind[] = ['lockout'];

const dayMs = 86_400_000;

/** Mails about what happened to an account of one tenant. What its owner is told of, the tenant's administrators find in the activity. */
export function createSecurityAlerts({
  table,
  mailer,
  dispatch,
  activity,
  clock,
}: {
  table: Table;
  mailer: TenantMailer;
  dispatch: Pick<MailDispatch, 'run'>;
  activity: Pick<ActivityLog, 'note'>;
  clock: Clock;
}): SecurityAlerts {
  /** The day is part of the key, so that the note needs no end. */
  async function isFirstToday(kind: SecurityAlertKind, account: AlertedAccount): Promise<boolean> {
    const day = Math.floor(clock.now() / dayMs);
    const note = {
      pk: `AlertSent#${account.id}`,
      sk: `${kind}#${day}`,
      expiresAt: ((day + 1) * dayMs) / 1_000,
    };
    try {
      await table.put(note, [{ exists: false }]);
      return true;
    } catch (error) {
      if (error instanceof ConditionFailed) return false;
      throw error;
    }
  }

  return {
    raise({ kind, account: given, applicationTenantId, to, clientIp = '', userAgent, factor = '', locale }) {
      const time = new Date(clock.now()).toISOString();
      // A new device is one of a sign-in, which is noted as such.
      if (kind !== 'new-device') {
        const more = factor === '' ? {} : { factor };
        activity.note({ kind, account: given, applicationTenantId, ...more }, { clientIp, userAgent });
      }
      dispatch.run(async () => {
        const account = typeof given === 'function' ? await given() : given;
        if (!account) return;
        if (onceADay.includes(kind) && !(await isFirstToday(kind, account))) return;
        await mailer.send({
          to: to ?? account.email,
          template: securityAlertTemplate,
          locale,
          variables: {
            alert: kind,
            name: account.name,
            email: account.email,
            time,
            address: clientIp,
            device: describeUserAgent(userAgent),
            factor,
          },
        });
      });
    },
  };
}
