import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { appendAudit } from '../../src/audit/audit-log.ts';
import { createOutbound } from '../../src/cloud/http/outbound.ts';
import { createLocalKeyStore } from '../../src/cloud/keys/local.ts';
import type { Mail, Mailer } from '../../src/cloud/mail/port.ts';
import type { Actor } from '../../src/kernel/actor.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { createMailChannel, createMailMessages } from '../../src/outbox/mail-channel.ts';
import { createOutbox, type OutboxOptions } from '../../src/outbox/outbox.ts';
import { createWebhookChannel } from '../../src/outbox/webhook-channel.ts';
import { createWebhooks } from '../../src/outbox/webhooks.ts';
import { testClock } from '../support/clock.ts';
import { createTestPostgres, createTestTables, silentLog, testTablePrefix } from '../support/services.ts';

export const operator: Actor = { kind: 'operator', id: 'acc_1', email: 'olga@operators.example' };

export interface ReceivedMessage {
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What a receiver does by the Standard Webhooks specification, written for the test from the specification. */
export function isSigned(secret: string, { headers, body }: ReceivedMessage): boolean {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const expected = createHmac('sha256', key)
    .update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`)
    .digest('base64');
  return String(headers['webhook-signature']).split(' ').includes(`v1,${expected}`);
}

/** A receiver of webhooks on a real HTTP server; `answer` decides each answer's status. */
export async function startReceiver() {
  const received: ReceivedMessage[] = [];
  let answer: (message: ReceivedMessage) => number | Promise<number> = () => 204;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const message = {
      url: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    };
    received.push(message);
    response.statusCode = await answer(message);
    response.end('thanks');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: `http://${host}/hook`,
    received,
    answerWith(decide: typeof answer) {
      answer = decide;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The outbox on a database and a key store of its own, with a mail server that fails when told to. */
export async function createOutboxFixture() {
  const database = await createTestPostgres();
  const { postgres } = database;
  const receiver = await startReceiver();
  /** On a host that tenants may reach. */
  const tenantReceiver = await startReceiver();
  const tables = createTestTables();
  const prefix = testTablePrefix();
  const clock = testClock();
  const random = systemRandom;
  await tables.create(`${prefix}-keys`);
  const keyStore = createLocalKeyStore({
    table: tables.open(`${prefix}-keys`),
    masterKey: randomBytes(32),
    random,
    clock,
  });
  const sealer = keyStore.forTenant('deployment' as TenantId);
  const mails: Mail[] = [];
  let failMail: (mail: Mail) => Error | undefined = () => undefined;
  const mailServer: Mailer = {
    async send(mail) {
      const failure = failMail(mail);
      if (failure !== undefined) {
        throw failure;
      }
      mails.push(mail);
    },
  };
  const webhooks = createWebhooks({ db: postgres, sealer, clock, random });
  const gone: string[] = [];
  const options: OutboxOptions = {
    postgres,
    channels: {
      mail: createMailChannel({ sealer, mailer: mailServer }),
      webhook: createWebhookChannel({
        webhooks,
        outbound: createOutbound({ allowedHosts: [receiver.host], timeoutMs: 20_000 }),
        tenantOutbound: createOutbound({ allowedHosts: [tenantReceiver.host], timeoutMs: 20_000 }),
        onGone: async ({ id }) => {
          gone.push(id);
          await webhooks.setEnabled(postgres, id, false);
        },
        clock,
      }),
    },
    clock,
    random,
    log: silentLog,
  };
  const outbox = createOutbox(options);
  const messages = createMailMessages({ postgres, sealer, clock, random });

  return {
    postgres,
    clock,
    receiver,
    tenantReceiver,
    webhooks,
    webhooksOf: (owner: TenantId) => createWebhooks({ db: postgres, sealer, clock, random, owner }),
    gone,
    mails,
    outbox,
    messages,
    mailer: messages.mailer(outbox),
    /** Another process's. */
    anotherOutbox: () => createOutbox(options),
    failMails(decide: typeof failMail) {
      failMail = decide;
    },
    append: (event: string, details: Record<string, unknown> = {}, tenantId = 'ten_1') =>
      postgres.transaction((transaction) =>
        appendAudit(transaction, clock, {
          event,
          severity: 'notice',
          tenantId: tenantId as TenantId,
          actor: operator,
          details,
        }),
      ),
    addWebhook: (events: readonly string[], url = receiver.url) =>
      postgres.transaction((transaction) => webhooks.create(transaction, { url, events }, operator)),
    async states() {
      const { rows } = await postgres.query<{ topic: string; state: string; attempts: number }>(
        'select topic, state, attempts from outbox order by created_at, id',
      );
      return rows;
    },
    async close() {
      await outbox.stop();
      await Promise.all([receiver.close(), tenantReceiver.close()]);
      await database.close();
    },
  };
}

export type OutboxFixture = Awaited<ReturnType<typeof createOutboxFixture>>;
