import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runVerifier } from '../audit/evidence-fixture.ts';
import { isSigned, startReceiver } from '../outbox/outbox-fixture.ts';
import {
  callApi,
  type OnboardedTenant,
  onboardTenant,
  platformToken,
  readOutbox,
} from '../support/onboarding.ts';
import { type ProductServer, startServer } from '../support/server.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

let server: ProductServer;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let secret: string;
let tenant: OnboardedTenant;
let operator: string;
const delivered = Promise.withResolvers<void>();

beforeAll(async () => {
  receiver = await startReceiver();
  receiver.answerWith(({ body }) => {
    if (JSON.parse(body).type === 'tenant.activated') {
      delivered.resolve();
    }
    return 200;
  });
  server = await startServer({ env: { WEBHOOK_ALLOWED_HOSTS: receiver.host } });
  const webhook = await callApi(server, 'POST', '/api/webhooks', {
    token: await platformToken(server, 'admin'),
    body: { url: receiver.url, events: ['tenant.*'] },
  });
  secret = webhook.body.secret;
  tenant = await onboardTenant(server, { slug: 'evident' });
  operator = await platformToken(server, 'audit:read tenants:read');
}, 120_000);
afterAll(async () => {
  await server.close();
  await receiver.close();
});

async function saved(name: string, content: string): Promise<string> {
  const file = join(await temporaryDirectory(), name);
  await writeFile(file, content);
  return file;
}

describe('a tenant that was onboarded', () => {
  it('has a receipt that anybody verifies with the platform’s published keys', async () => {
    const { status, text, body } = await callApi(server, 'GET', '/api/tenants/evident/receipt', {
      token: operator,
    });
    expect(status).toBe(200);
    expect(body.receipt).toMatchObject({ status: 'active', slug: 'evident', tenant_id: expect.any(String) });
    expect(body.receipt.evidence.steps.map(({ status: state }: { status: string }) => state)).not.toContain(
      'pending',
    );
    const file = await saved('receipt.json', text);
    const { code, output } = await runVerifier('verify-receipt', [
      file,
      '--jwks',
      `${server.origin}/api/evidence/jwks`,
    ]);
    expect(output).toContain('GENUINE');
    expect(code).toBe(0);
  });

  it('has an audit chain that continues the head in its receipt, online and offline', async () => {
    const receipt = await callApi(server, 'GET', '/api/tenants/evident/receipt', { token: operator });
    const { events, head } = receipt.body.receipt.evidence.audit;
    const verified = await callApi(server, 'GET', '/api/tenants/evident/audit/verify', { token: operator });
    expect(verified.body).toMatchObject({ intact: true });
    const exported = await fetch(`${server.origin}/api/tenants/evident/audit/export`, {
      headers: { authorization: `Bearer ${operator}` },
    });
    const text = await exported.text();
    const chain = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ type }) => type === 'event');
    expect(chain[events - 1]?.hash).toBe(head);
    const { code } = await runVerifier('verify-audit', [
      await saved('audit.ndjson', text),
      '--jwks',
      `${server.origin}/api/evidence/jwks`,
    ]);
    // Checkpoints are made once a minute: this one may not be there yet.
    expect([0, 3]).toContain(code);
  });

  it('was announced to the operators’ webhook, signed', async () => {
    await delivered.promise;
    const types = receiver.received.map(({ body }) => JSON.parse(body).type);
    expect(types).toEqual(expect.arrayContaining(['tenant.registration.submitted', 'tenant.activated']));
    expect(receiver.received.every((message) => isSigned(secret, message))).toBe(true);
    expect(receiver.received.some(({ body }) => body.includes(tenant.orderId))).toBe(false);
  });

  it('told its requester of every turn by mail', async () => {
    await expect
      .poll(
        async () =>
          (await readOutbox(server))
            .filter(({ to }) => to === tenant.admin.email)
            .map(({ subject }) => subject),
        {
          timeout: 40_000,
        },
      )
      .toEqual(
        expect.arrayContaining([
          'Your request for the tenant evident has been received',
          'Your request for the tenant evident has been approved',
          'Your tenant evident is ready: set your password',
        ]),
      );
  });
});
