import type { TenantKeys } from '../cloud/keys/port.ts';
import type { Mailer } from '../cloud/mail/port.ts';
import type { Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import type { TenantRecord } from '../kernel/tenant.ts';
import type { Log } from '../platform/log.ts';
import type { ActivityLog } from './activity-log.ts';
import { type AttemptLimits, createAttemptLimits } from './attempt-limits.ts';
import { createKnownDevices, type KnownDevices } from './known-devices.ts';
import type { MailDispatch } from './mail-dispatch.ts';
import { createMailQueue } from './mail-queue.ts';
import type { ProcessLimits } from './process-limits.ts';
import { createSecurityAlerts, type SecurityAlerts } from './security-alerts.ts';
import { createTenantMailer, type RenderTenantMail, type TenantMailer } from './tenant-mailer.ts';

/** What all tenants of a process share. */
export interface ProcessSafeguards {
  processLimits: ProcessLimits;
  /** Failures at one account from one network that cost no wait. */
  freeFailures: number;
  /** Hands a mail to the server that delivers it. */
  mailServer: Mailer;
  mailDispatch: MailDispatch;
}

/** What stands between a tenant's people and whoever would harm them. */
export interface Safeguards {
  limits: AttemptLimits;
  devices: KnownDevices;
  mailer: TenantMailer;
  alerts: SecurityAlerts;
}

export function openSafeguards(
  { processLimits, freeFailures, mailServer, mailDispatch }: ProcessSafeguards,
  tenant: {
    record: Pick<TenantRecord, 'id' | 'slug'>;
    issuer: string;
    table: Table;
    sealer: Pick<TenantKeys, 'seal' | 'unseal'>;
    /** The first signs, all verify. */
    cookieKeys: readonly string[];
    renderMail: RenderTenantMail;
    activity: Pick<ActivityLog, 'note'>;
    clock: Clock;
    random: Random;
    log: Log;
  },
): Safeguards {
  const { record, issuer, table, sealer, cookieKeys, renderMail, activity, clock, random, log } = tenant;
  const queue = createMailQueue({ table, sealer, mailer: mailServer, clock, random, log });
  // What a process that ended has left, the first one that serves the tenant again takes up.
  mailDispatch.run(async () => {
    if (await queue.deliverDue()) mailDispatch.lookAgain(queue);
  });
  const mailer = createTenantMailer({ queue, render: renderMail, dispatch: mailDispatch });
  return {
    limits: createAttemptLimits({ tenantId: record.id, table, clock, processLimits, freeFailures }),
    devices: createKnownDevices({
      path: `/${record.slug}`,
      secure: issuer.startsWith('https:'),
      cookieKeys,
      clock,
      random,
    }),
    mailer,
    alerts: createSecurityAlerts({ table, mailer, dispatch: mailDispatch, activity, clock }),
  };
}
