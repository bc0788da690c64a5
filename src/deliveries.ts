/** Composes what leaves the deployment: mail and webhooks, both by way of the outbox. */
import { join } from 'node:path';
import { auditWebhookDisabled } from './audit/events.ts';
import { createOutbound, type Outbound } from './cloud/http/outbound.ts';
import type { KeyStore } from './cloud/keys/port.ts';
import { createOutboxMailer } from './cloud/mail/outbox.ts';
import type { Mailer } from './cloud/mail/port.ts';
import { createSesMailer } from './cloud/mail/ses.ts';
import { createSmtpMailer } from './cloud/mail/smtp.ts';
import type { Clock } from './kernel/clock.ts';
import type { TenantId } from './kernel/ids.ts';
import type { Random } from './kernel/random.ts';
import { createMailChannel, createMailMessages, type PostMail } from './outbox/mail-channel.ts';
import { createOutbox, type Outbox, type OutboxOptions } from './outbox/outbox.ts';
import { createWebhookChannel } from './outbox/webhook-channel.ts';
import { createWebhooks, type Webhooks } from './outbox/webhooks.ts';
import type { Log } from './platform/log.ts';
import type { Postgres } from './platform/postgres.ts';
import type { Settings } from './platform/settings.ts';

export interface Deliveries {
  /** Durable: what it has taken will leave, whatever becomes of this process. */
  mailer: Mailer;
  postMail: PostMail;
  /** Straight to whatever delivers mail, for those who write mails down themselves. */
  mailServer: Mailer;
  /** The operators' own. */
  webhooks: Webhooks;
  /** Those of a tenant. */
  webhooksOf: (owner: TenantId) => Webhooks;
  /** For addresses that operators give. */
  outbound: Outbound;
  /** For addresses that tenants give. */
  tenantOutbound: Outbound;
  outbox: Outbox;
  close(): Promise<void>;
}

/** Under which mails and webhook secrets are sealed: they belong to the deployment, no tenant has this id. */
const deployment = 'deployment' as TenantId;

export function openDeliveries(deps: {
  settings: Pick<Settings, 'mail' | 'mailFrom' | 'dataDir' | 'webhookAllowedHosts' | 'tenantAllowedHosts'>;
  postgres: Postgres;
  keyStore: KeyStore;
  clock: Clock;
  random: Random;
  log: Log;
  onAttempt?: OutboxOptions['onAttempt'];
}): Deliveries {
  const { settings, postgres, keyStore, clock, random, log, onAttempt } = deps;
  const sealer = keyStore.forTenant(deployment);
  const server = openMailServer(deps);
  const outbound = createOutbound({ allowedHosts: settings.webhookAllowedHosts });
  const tenantOutbound = createOutbound({ allowedHosts: settings.tenantAllowedHosts });
  const webhooksOf = (owner: TenantId | undefined) =>
    createWebhooks({ db: postgres, sealer, clock, random, ...(owner === undefined ? {} : { owner }) });
  const webhooks = webhooksOf(undefined);
  const messages = createMailMessages({ postgres, sealer, clock, random });
  const outbox = createOutbox({
    postgres,
    channels: {
      mail: createMailChannel({ sealer, mailer: server.mailer }),
      webhook: createWebhookChannel({
        webhooks,
        outbound,
        tenantOutbound,
        clock,
        async onGone({ id, tenantId }) {
          await postgres.transaction(async (transaction) => {
            if (await webhooksOf(tenantId ?? undefined).setEnabled(transaction, id, false)) {
              const actor = { kind: 'system', id: 'outbox' } as const;
              await auditWebhookDisabled(transaction, clock, {
                webhookId: id,
                actor,
                ...(tenantId === null ? {} : { tenantId }),
              });
            }
          });
        },
      }),
    },
    clock,
    random,
    log,
    ...(onAttempt === undefined ? {} : { onAttempt }),
  });
  return {
    mailer: messages.mailer(outbox),
    postMail: messages.post,
    mailServer: server.mailer,
    webhooks,
    webhooksOf,
    outbound,
    tenantOutbound,
    outbox,
    async close() {
      await outbox.stop();
      server.close();
    },
  };
}

function openMailServer({
  settings: { mail, mailFrom: from, dataDir },
  clock,
  random,
}: Pick<Parameters<typeof openDeliveries>[0], 'settings' | 'clock' | 'random'>): {
  mailer: Mailer;
  close(): void;
} {
  switch (mail.kind) {
    case 'smtp': {
      const mailer = createSmtpMailer({ url: mail.url, from });
      return { mailer, close: mailer.close };
    }
    case 'ses': {
      const { region, endpoint } = mail;
      const mailer = createSesMailer({ region, from, ...(endpoint === undefined ? {} : { endpoint }) });
      return { mailer, close: mailer.close };
    }
    case 'outbox': {
      const mailer = createOutboxMailer({ directory: join(dataDir, 'outbox'), from, clock, random });
      return { mailer, close: () => {} };
    }
  }
}
