import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let operator: string;
let acme: string;
let globex: string;
beforeAll(async () => {
  api = await createApi();
  [operator, acme, globex] = await Promise.all([
    api.robot('platform', ['audit:read', 'tenants:read']),
    api.robot('acme', ['audit:read', 'tenants:read']),
    api.robot('globex', ['audit:read', 'tenants:read']),
  ]);
});
afterAll(() => api.close());

const lines = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('GET /api/audit/verify', () => {
  it('verifies all chains, and says what no signature covers yet', async () => {
    const before = await api.get('/api/audit/verify', operator);
    expect(before.status).toBe(200);
    expect(before.body).toMatchObject({ intact: true, chains: 2, broken: [] });
    expect(before.body.unsigned).toBe(before.body.events);
    await api.checkpoints.advance();
    const after = await api.get('/api/audit/verify', operator);
    expect(after.body).toMatchObject({ intact: true, unsigned: 0 });
  });

  it('verifies one chain', async () => {
    const { id } = await api.recordOf('acme');
    for (const query of [`chain=${id}`, `tenantId=${id}`]) {
      const { body } = await api.get(`/api/audit/verify?${query}`, operator);
      expect(body).toMatchObject({
        chain: id,
        intact: true,
        checkpoint: { events: body.events, head: body.head },
      });
    }
  });

  it('names the broken chain, and the tenant is told of its own', async () => {
    const { id } = await api.recordOf('globex');
    await api.checkpoints.advance();
    const { rows } = await api.postgres.query<{ sequence: string; details: object }>(
      'select sequence, details from audit_events where chain = $1 order by sequence limit 1',
      [id],
    );
    const edit = (details: object | undefined) =>
      api.postgres.transaction(async (transaction) => {
        await transaction.query('alter table audit_events disable trigger all');
        await transaction.query('update audit_events set details = $2 where sequence = $1', [
          rows[0]?.sequence,
          JSON.stringify(details),
        ]);
        await transaction.query('alter table audit_events enable trigger all');
      });
    await edit({ slug: 'forged' });
    const all = await api.get('/api/audit/verify', operator);
    expect(all.body).toMatchObject({
      intact: false,
      broken: [{ chain: id, intact: false, problem: { kind: 'edited', position: 1 } }],
    });
    const own = await api.get('/api/tenants/globex/audit/verify', globex);
    expect(own.body).toMatchObject({ chain: id, intact: false });
    expect((await api.get('/api/tenants/acme/audit/verify', acme)).body).toMatchObject({ intact: true });
    await edit(rows[0]?.details);
  });

  it('is for the platform’s auditors', async () => {
    expect((await api.get('/api/audit/verify')).status).toBe(401);
    expect((await api.get('/api/audit/verify', acme)).status).toBe(403);
    expect((await api.get('/api/audit/verify', await api.robot('platform', ['admin']))).status).toBe(403);
    expect((await api.get('/api/audit/verify?everything=1', operator)).status).toBe(400);
  });
});

describe('GET /api/audit/export', () => {
  it('streams the whole log, complete to its end', async () => {
    const answer = await api.get('/api/audit/export', operator).buffer(true);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/x-ndjson; charset=utf-8',
      'content-disposition': 'attachment; filename="audit.ndjson"',
      'cache-control': 'no-store',
    });
    const entries = lines(answer.text);
    const { rows } = await api.postgres.query<{ id: string }>(
      'select id from audit_events order by sequence',
    );
    expect(entries.filter(({ type }) => type === 'event').map(({ id }) => id)).toEqual(
      rows.map(({ id }) => id),
    );
    expect(entries.at(-1)).toEqual({ type: 'end', events: rows.length });
  });

  it('filters', async () => {
    const { text } = await api
      .get('/api/audit/export?event=tenant.registration.approved&from=2020-01-01T00:00:00Z', operator)
      .buffer(true);
    const events = lines(text).filter(({ type }) => type === 'event');
    expect(new Set(events.map(({ event }) => event))).toEqual(new Set(['tenant.registration.approved']));
    const { status, body } = await api.get('/api/audit/export?from=yesterday', operator);
    expect(status).toBe(400);
    expect(body.errors).toMatchObject([{ field: 'from' }]);
  });

  it('of a tenant holds its own chain and no other', async () => {
    const { id } = await api.recordOf('acme');
    const { text } = await api.get('/api/tenants/acme/audit/export', acme).buffer(true);
    const events = lines(text).filter(({ type }) => type === 'event');
    expect(events.length).toBeGreaterThan(0);
    expect(new Set(events.map(({ chain }) => chain))).toEqual(new Set([id]));
    expect(lines(text)[0]).toMatchObject({ whole: true });
  });

  it('of another tenant does not exist', async () => {
    for (const path of ['audit/export', 'audit/verify', 'receipt']) {
      const foreign = await api.get(`/api/tenants/acme/${path}`, globex);
      const unknown = await api.get(`/api/tenants/nobody/${path}`, globex);
      expect(foreign.status).toBe(404);
      const { requestId: _, ...body } = foreign.body;
      expect(unknown.body).toMatchObject(body);
    }
    expect((await api.get('/api/audit/export', globex)).status).toBe(403);
  });
});

describe('GET /api/evidence/jwks', () => {
  it('shows every key that ever signed, and nothing private, to anybody', async () => {
    await api.statements.sign('test+jwt', {});
    const { status, body } = await api.get('/api/evidence/jwks');
    expect(status).toBe(200);
    expect(body.keys).toEqual([
      expect.objectContaining({ kty: 'EC', crv: 'P-256', kid: 'key-1', alg: 'ES256', use: 'sig' }),
    ]);
    expect(body.keys[0]).not.toHaveProperty('d');
  });
});

describe('GET /api/tenants/{slug}/receipt', () => {
  it('is not there before there is one', async () => {
    expect((await api.get('/api/tenants/acme/receipt', acme)).status).toBe(404);
  });

  it('answers with the receipt, its signature and its key', async () => {
    const { id } = await api.recordOf('acme');
    const signed = await api.statements.sign('tenant-receipt+jwt', {
      tenant_id: id,
      status: 'active',
      timestamp: '2026-01-01T00:00:00.000Z',
    });
    await api.postgres.query(
      `insert into provisioning_runs (id, tenant_id, state, created_at) values ('run_r', $1, 'succeeded', now())`,
      [id],
    );
    await api.postgres.query(
      `insert into receipts (id, tenant_id, run_id, jws, kid, public_jwk, created_at) values ('rcp_1', $1, 'run_r', $2, $3, $4, now())`,
      [id, signed.jws, signed.kid, JSON.stringify(signed.publicJwk)],
    );
    for (const token of [acme, operator]) {
      const { status, body } = await api.get('/api/tenants/acme/receipt', token);
      expect(status).toBe(200);
      expect(body).toMatchObject({
        receipt: { tenant_id: id, status: 'active', iss: 'https://id.example.com/platform' },
        jws: signed.jws,
        key: { kid: 'key-1', kty: 'EC' },
      });
    }
  });

  it('is had in any version, and issued anew by the platform when its key was revoked, not before', async () => {
    expect((await api.get('/api/tenants/acme/receipt?version=1', acme)).body).toMatchObject({ version: 1 });
    expect((await api.get('/api/tenants/acme/receipt?version=2', acme)).status).toBe(404);
    const path = '/api/tenants/acme/receipt/reissue';
    const admin = await api.robot('platform', ['admin']);
    expect((await api.post(path, {}, admin)).status).toBe(409);
    expect((await api.post(path, {}, acme)).status).toBe(403);
    expect((await api.post(path, {}, globex)).status).toBe(404);
  });
});
