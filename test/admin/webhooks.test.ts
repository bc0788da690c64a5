import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAudit } from '../../src/audit/list-audit.ts';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let admin: string;
beforeAll(async () => {
  api = await createApi();
  admin = await api.robot('platform', ['admin']);
});
afterAll(() => api.close());

const wish = { url: 'https://hooks.example.com/tenantry', events: ['tenant.*'] };

async function created(): Promise<string> {
  const { body } = await api.post('/api/webhooks', wish, admin);
  return body.id;
}

describe('POST /api/webhooks', () => {
  it('creates a webhook and shows its secret this once', async () => {
    const { status, body } = await api.post('/api/webhooks', { ...wish, description: 'Chat' }, admin);
    expect(status).toBe(201);
    expect(body).toMatchObject({ ...wish, description: 'Chat', enabled: true });
    expect(body.id).toMatch(/^whk_[\w-]{22}$/);
    expect(body.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const read = await api.get(`/api/webhooks/${body.id}`, admin);
    expect(read.body).toEqual({ ...body, secret: undefined });
    const list = await api.get('/api/webhooks', admin);
    expect(list.text).not.toContain(body.secret);
  });

  it('does not show the secret to a repeated request', async () => {
    const send = () => api.post('/api/webhooks', wish, admin).set('Idempotency-Key', 'hook-1');
    const first = await send();
    const again = await send();
    expect(again.body).toEqual({ ...first.body, secret: undefined });
  });

  it.each([
    ['http', { url: 'http://hooks.example.com' }, 'url', 'must be an https URL'],
    [
      'an inner address',
      { url: 'https://169.254.169.254/latest' },
      'url',
      'must be reachable on the public internet',
    ],
    ['a local name', { url: 'https://localhost/' }, 'url', 'must be reachable on the public internet'],
    ['credentials', { url: 'https://a:b@hooks.example.com/' }, 'url', 'must not contain credentials'],
    ['no event', { events: [] }, 'events', 'must NOT have fewer than 1 items'],
    [
      'a bad event',
      { events: ['tenant.**'] },
      'events.0',
      'must be an event name, one with a last part of *, or *',
    ],
    ['an unknown field', { secret: 'mine' }, 'secret', 'is not a known field'],
  ])('refuses %s', async (_what, change, field, message) => {
    const { status, body } = await api.post('/api/webhooks', { ...wish, ...change }, admin);
    expect(status).toBe(400);
    expect(body.errors).toEqual([{ field, message }]);
  });

  it('takes a private host that the deployment names', async () => {
    const { status } = await api.post('/api/webhooks', { ...wish, url: 'http://hooks.internal/x' }, admin);
    expect(status).toBe(201);
  });
});

describe('a webhook', () => {
  it('is disabled, enabled and removed, and all of it is recorded', async () => {
    const id = await created();
    expect((await api.post(`/api/webhooks/${id}/disable`, {}, admin)).body).toMatchObject({ enabled: false });
    expect((await api.get(`/api/webhooks/${id}`, admin)).body).toMatchObject({ enabled: false });
    await api.post(`/api/webhooks/${id}/disable`, {}, admin);
    expect((await api.post(`/api/webhooks/${id}/enable`, {}, admin)).body).toMatchObject({ enabled: true });
    const removed = await api.http.delete(`/api/webhooks/${id}`).auth(admin, { type: 'bearer' });
    expect(removed.body).toEqual({ id, removed: true });
    expect((await api.get(`/api/webhooks/${id}`, admin)).status).toBe(404);

    const { events } = await listAudit(api.postgres, { limit: 100 });
    const own = events.filter(({ details }) => details.webhookId === id);
    expect(own.map(({ event }) => event)).toEqual([
      'webhook.removed',
      'webhook.enabled',
      'webhook.disabled',
      'webhook.created',
    ]);
    expect(own.at(-1)?.details).toEqual({ webhookId: id, host: 'hooks.example.com', events: ['tenant.*'] });
  });

  it('gets a new secret, shown once, and the former one ends after a day', async () => {
    const id = await created();
    const rotate = () =>
      api.post(`/api/webhooks/${id}/rotate-secret`, {}, admin).set('Idempotency-Key', `rotate-${id}`);
    const { status, body } = await rotate();
    expect(status).toBe(200);
    expect(body.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(body.formerSecretUntil).toBe(new Date(api.clock.now() + 86_400_000).toISOString());
    const shown = { ...body, secret: undefined };
    expect((await rotate()).body).toEqual(shown);
    expect((await api.get(`/api/webhooks/${id}`, admin)).body).toEqual(shown);

    const leaked = await api.post(`/api/webhooks/${id}/rotate-secret`, { graceSeconds: 0 }, admin);
    expect(leaked.body.secret).not.toBe(body.secret);
    expect(leaked.body.formerSecretUntil).toBeUndefined();
    const { events } = await listAudit(api.postgres, { limit: 100 });
    const own = events.filter(({ event, details }) => event.endsWith('rotated') && details.webhookId === id);
    expect(own.map(({ details }) => details)).toEqual([
      { webhookId: id },
      { webhookId: id, formerUntil: body.formerSecretUntil },
    ]);
    expect(JSON.stringify(own)).not.toContain('whsec_');

    const forever = await api.post(`/api/webhooks/${id}/rotate-secret`, { graceSeconds: 604_801 }, admin);
    expect(forever.body.errors).toEqual([{ field: 'graceSeconds', message: 'must be <= 604800' }]);
  });

  it('is tried out, and its log is read', async () => {
    const id = await created();
    const { status, body } = await api.post(`/api/webhooks/${id}/ping`, {}, admin);
    expect(status).toBe(202);
    const log = await api.get(`/api/webhooks/${id}/deliveries`, admin);
    expect(log.body).toMatchObject({
      deliveries: [{ id: body.deliveryId, event: 'ping', state: 'waiting', attempts: [] }],
    });
    const again = await api.post(`/api/webhooks/${id}/deliveries/${body.deliveryId}/redeliver`, {}, admin);
    expect(again.status).toBe(409);
    await api.postgres.query(`update outbox set state = 'dead' where id = $1`, [body.deliveryId]);
    const revived = await api.post(`/api/webhooks/${id}/deliveries/${body.deliveryId}/redeliver`, {}, admin);
    expect(revived.status).toBe(202);
  });

  it('has a log in pages', async () => {
    const id = await created();
    for (let count = 0; count < 3; count += 1) {
      api.clock.advance(1_000);
      await api.post(`/api/webhooks/${id}/ping`, {}, admin).expect(202);
      expect((await api.post(`/api/webhooks/${id}/ping`, {}, admin)).body.code).toBe('not_ready');
      await api.postgres.query(`update outbox set state = 'dead' where webhook_id = $1`, [id]);
    }
    const first = await api.get(`/api/webhooks/${id}/deliveries?limit=2`, admin);
    expect(first.body.deliveries).toHaveLength(2);
    const rest = await api.get(`/api/webhooks/${id}/deliveries?limit=2&cursor=${first.body.cursor}`, admin);
    expect(rest.body.deliveries).toHaveLength(1);
    expect(rest.body.cursor).toBeUndefined();
    const other = await created();
    const { status, body } = await api.get(
      `/api/webhooks/${other}/deliveries?cursor=${first.body.cursor}`,
      admin,
    );
    expect([status, body.code]).toEqual([400, 'invalid_request']);
  });

  it('that does not exist is not found, whatever is done to it', async () => {
    for (const path of ['', '/deliveries']) {
      expect((await api.get(`/api/webhooks/whk_none${path}`, admin)).status).toBe(404);
    }
    for (const path of ['/enable', '/disable', '/ping', '/rotate-secret', '/deliveries/msg_x/redeliver']) {
      expect((await api.post(`/api/webhooks/whk_none${path}`, {}, admin)).status).toBe(404);
    }
  });
});

it('is for platform admins', async () => {
  const id = await created();
  const tokens = [
    await api.robot('platform', ['audit:read', 'tenants:read']),
    await api.robot('acme'),
    (await api.person('platform', 'sec@operators.example.com', ['Security Admin'])).token,
  ];
  for (const token of tokens) {
    const answers = [
      await api.get('/api/webhooks', token),
      await api.get(`/api/webhooks/${id}`, token),
      await api.get(`/api/webhooks/${id}/deliveries`, token),
      await api.post('/api/webhooks', wish, token),
      await api.post(`/api/webhooks/${id}/ping`, {}, token),
      await api.post(`/api/webhooks/${id}/rotate-secret`, {}, token),
      await api.http.delete(`/api/webhooks/${id}`).auth(token, { type: 'bearer' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual(Array(7).fill(403));
  }
  expect((await api.get('/api/webhooks')).status).toBe(401);
});

it('of a tenant are twenty at most, also when they are made at once', async () => {
  const path = '/api/tenants/globex/webhooks';
  const token = await api.robot('globex');
  const other = await api.robot('acme');
  const answers = await Promise.all([
    ...Array.from({ length: 25 }, () => api.post(path, wish, token)),
    api.post('/api/tenants/acme/webhooks', wish, other),
  ]);
  const made = answers.filter(({ status }) => status === 201);
  expect(made).toHaveLength(21);
  expect(answers.find(({ status }) => status !== 201)?.body.code).toBe('quota_exceeded');
  expect((await api.get(`${path}?limit=100`, token)).body.webhooks).toHaveLength(20);
});
