import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OrderId } from '../../src/kernel/ids.ts';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let team: { token: string };
beforeAll(async () => {
  api = await createApi();
  team = await api.person('platform', 'team@operators.example.com', ['OAuth Team']);
});
afterAll(() => api.close());

const requester = { name: 'Rita', email: 'rita@acme.example' };

async function submitted(body: object = {}): Promise<OrderId> {
  const { body: answer } = await api
    .post('/api/registrations', { name: 'Some Unit', requester, ...body })
    .expect(202);
  return answer.orderId;
}

async function takenUp(body: object = {}): Promise<OrderId> {
  const orderId = await submitted(body);
  await api.takeUp(orderId);
  return orderId;
}

describe('POST /api/registrations', () => {
  it('takes everything that can be asked for (A1)', async () => {
    const response = await api
      .post('/api/registrations', {
        name: 'Payments',
        slug: 'payments',
        requester: { name: 'Rita', email: ' Rita@Acme.example ' },
        purpose: 'Sign-in for our staff.\nAbout 300 people.',
        features: { auth: ['password', '2fa', 'passkey'], storage: ['s3'], email: ['templates'] },
        securityPolicy: {
          passwordPolicy: { minLength: 14, requireSpecialChars: true },
          sessionTimeout: 3600,
        },
        redirectUris: ['https://pay.example/callback'],
        clientType: 'web',
      })
      .expect(202);
    expect(response.body).toEqual({
      orderId: expect.stringMatching(/^ord_[A-Za-z0-9_-]{32}$/),
      status: 'Submitted',
      statusUrl: `https://id.example.com/api/registrations/${response.body.orderId}`,
      slug: 'payments',
    });
    expect(response.headers.location).toBe(response.body.statusUrl);
    expect(response.headers['cache-control']).toBe('no-store');
    const { requester: stored } = await api.order(response.body.orderId);
    expect(stored.email).toBe('rita@acme.example');
  });

  it('enters who sends it with a token as requester, whomever it names, and refuses a token that is not valid', async () => {
    const requester = { name: 'Nobody', email: 'nobody@acme.example' };
    const { body } = await api
      .post('/api/registrations', { name: 'Signed in', requester }, team.token)
      .expect(202);
    await api.takeUp(body.orderId);
    const { body: list } = await api
      .get('/api/registrations?status=In-Process&limit=100', team.token)
      .expect(200);
    expect(list.registrations).toContainEqual(
      expect.objectContaining({ orderId: body.orderId, submittedBy: 'team@operators.example.com' }),
    );
    const approve = `/api/registrations/${body.orderId}/approve`;
    const refused = await api.post(approve, {}, team.token).expect(403);
    expect(refused.body.code).toBe('separation_of_duties');
    const other = await api.person('platform', 'other@operators.example.com', ['OAuth Team']);
    await api.post(approve, {}, other.token).expect(200);

    const count = async () =>
      (await api.postgres.query<{ count: number }>('select count(*)::integer as count from orders')).rows;
    const before = await count();
    const wrong = await api.token({ subject: 'acc_gone', clientId: 'console', scope: 'registrations:read' });
    for (const bearer of [wrong, 'nonsense', `${team.token}x`]) {
      const { body: problem } = await api
        .post('/api/registrations', { name: 'Signed in', requester }, bearer)
        .expect(401);
      expect(problem.code).toBe('invalid_token');
    }
    expect(await count()).toEqual(before);
  });

  it('does not take a client of a tenant for the platform’s of the same name', async () => {
    const { clients } = await api.partsOf('platform');
    const scopes = ['registrations:decide'];
    await clients.create({ clientId: 'namesake', name: 'Robot', type: 'm2m', scopes });
    const acme = await api.partsOf('acme');
    await acme.clients.create({ clientId: 'namesake', name: 'Robot', type: 'm2m', scopes: [] });
    const sender = await api.token({ issuer: 'acme', clientId: 'namesake' });
    const decider = await api.token({ clientId: 'namesake', scope: 'registrations:decide' });
    const { body } = await api
      .post('/api/registrations', { name: 'Namesake', requester }, sender)
      .expect(202);
    await api.takeUp(body.orderId);
    expect((await api.order(body.orderId)).submittedBy).toEqual({
      actor: 'client:acme/namesake',
      email: null,
    });
    await api.post(`/api/registrations/${body.orderId}/approve`, {}, decider).expect(200);
  });

  it('tells every problem in one answer, each with its field (B9)', async () => {
    const response = await api
      .post('/api/registrations', {
        name: ' \u202e ',
        slug: 'No_Slug',
        requester: { name: 5, email: 'nobody' },
        purpose: '\u0007',
        features: { auth: ['passkey', 'passkey'], storage: ['floppy'], fax: [] },
        securityPolicy: {
          passwordPolicy: { minLength: 1, colour: 'red' },
          sessionTimeout: '3600',
          requireMFA: 'yes',
          twoFactor: 'maybe',
          ipRestrictions: ['10.0.0.0/8', 'everywhere'],
        },
        redirectUris: ['http://pay.example/', 'https://ok.example/#f', '/relative'],
        clientType: 'desktop',
        admin: true,
      })
      .expect(400)
      .expect('Content-Type', /application\/problem\+json/);
    expect(response.body.code).toBe('validation_failed');
    const fields = response.body.errors.map(({ field }: { field: string }) => field).sort();
    expect(fields).toEqual([
      'admin',
      'clientType',
      'features.auth',
      'features.fax',
      'features.storage.0',
      'name',
      'purpose',
      'redirectUris.0',
      'redirectUris.1',
      'redirectUris.2',
      'requester.email',
      'requester.name',
      'securityPolicy.ipRestrictions.1',
      'securityPolicy.passwordPolicy.colour',
      'securityPolicy.passwordPolicy.minLength',
      'securityPolicy.requireMFA',
      'securityPolicy.sessionTimeout',
      'securityPolicy.twoFactor',
      'slug',
    ]);
  });

  it('says what this deployment cannot give (B9)', async () => {
    const features = { storage: ['s3', 'redis'], hosting: ['ecs'] };
    const response = await api.post('/api/registrations', { name: 'Pay', requester, features }).expect(400);
    expect(response.body.errors).toEqual([
      { field: 'features.storage', message: 'redis cannot be had in this deployment' },
      { field: 'features.hosting', message: 'ecs cannot be had in this deployment' },
    ]);
  });

  it('says what is missing', async () => {
    const response = await api.post('/api/registrations', { clientType: 'spa' }).expect(400);
    expect(response.body.errors).toEqual([
      { field: 'name', message: 'is required' },
      { field: 'requester', message: 'is required' },
      { field: 'redirectUris', message: 'a client of this type needs at least one redirect URI' },
    ]);
  });

  it('says what is missing inside', async () => {
    const response = await api.post('/api/registrations', { name: 'Pay', requester: { name: 'Rita' } });
    expect(response.status).toBe(400);
    expect(response.body.errors).toEqual([{ field: 'requester.email', message: 'is required' }]);
  });

  it.each([
    ['broken JSON', '{"name":', 'application/json', 400],
    ['a list', '[]', 'application/json', 400],
    ['a prototype', '{"__proto__":{"x":1}}', 'application/json', 400],
    ['U+0000', '{"name":"a\\u0000b"}', 'application/json', 400],
    ['a lone surrogate', '{"name":"a\\ud800"}', 'application/json', 400],
    ['too much', `{"name":"${'x'.repeat(70_000)}"}`, 'application/json', 413],
    ['a form', 'name=x', 'application/x-www-form-urlencoded', 415],
  ])('refuses %s', async (_what, body, type, status) => {
    await api.http.post('/api/registrations').set('Content-Type', type).send(body).expect(status);
  });

  it('answers 409 for a slug that is reserved or taken (D1)', async () => {
    await submitted({ slug: 'mine' });
    for (const slug of ['mine', 'admin', 'acme']) {
      const { body } = await api.post('/api/registrations', { name: 'X', requester, slug }).expect(409);
      expect(body).toMatchObject({ code: 'slug_unavailable', errors: [{ field: 'slug' }] });
    }
  });

  it('limits how many one network sends, and no other', async () => {
    const limited = await createApi({ registrationsPerHour: 2 });
    const send = (ip: string) =>
      limited.http.post('/api/registrations').set('X-Forwarded-For', ip).send({ name: 'Limited', requester });
    await send('192.0.2.1').expect(202);
    await send('192.0.2.1').expect(202);
    const refused = await send('192.0.2.1').expect(429);
    expect(refused.headers['retry-after']).toMatch(/^\d+$/);
    await send('192.0.2.2').expect(202);
    await limited.close();
  });
});

describe('Idempotency-Key', () => {
  const send = (key: string, body: object, ip = '192.0.2.9') =>
    api.http.post('/api/registrations').set('Idempotency-Key', key).set('X-Forwarded-For', ip).send(body);

  it('gives a repeated request the first answer, also when they come at once', async () => {
    const body = { name: 'Once', requester };
    const answers = await Promise.all(Array.from({ length: 5 }, () => send('key-at-once', body).expect(202)));
    expect(new Set(answers.map(({ body: { orderId } }) => orderId)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === undefined)).toHaveLength(1);
    expect(new Set(answers.map(({ headers }) => headers.location)).size).toBe(1);
  });

  it('refuses the key with another body', async () => {
    await send('key-other-body', { name: 'One', requester }).expect(202);
    const { body } = await send('key-other-body', { name: 'Two', requester }).expect(422);
    expect(body.code).toBe('idempotency_key_reused');
  });

  it('gives nobody the answer to a stranger: the order id is a capability', async () => {
    const body = { name: 'Guessed', requester };
    const mine = await send('key-1', body, '192.0.2.10').expect(202);
    const theirs = await send('key-1', body, '192.0.2.11').expect(202);
    expect(theirs.body.orderId).not.toBe(mine.body.orderId);
  });

  it('does not keep refusals, and forgets after a day', async () => {
    const body = { name: 'Again', requester, slug: 'again-slug' };
    const orderId = await takenUp({ slug: 'again-slug' });
    await send('key-again', body).expect(409);
    await api.disapprove(orderId);
    const first = await send('key-again', body).expect(202);
    api.clock.advance(24 * 3600 * 1000);
    await send('key-again', { ...body, slug: 'again-other' }).expect(202);
    api.clock.advance(-24 * 3600 * 1000);
    expect((await api.order(first.body.orderId)).slug).toBe('again-slug');
  });

  it('refuses a key that is none', async () => {
    await send('x'.repeat(256), { name: 'Long', requester }).expect(400);
  });
});

describe('GET /api/registrations/{orderId}', () => {
  it('shows status and history to whoever has the id, and no personal secrets (A4, A5)', async () => {
    const orderId = await takenUp({ purpose: 'Secret plans' });
    const { body } = await api.get(`/api/registrations/${orderId}`).expect(200);
    expect(body).toMatchObject({
      orderId,
      status: 'In-Process',
      name: 'Some Unit',
      history: [
        { what: 'Submitted', by: 'rita@acme.example' },
        { what: 'In-Process', by: 'system:onboarding' },
      ],
    });
    expect(body).not.toHaveProperty('provisioning');
    expect(JSON.stringify(body)).not.toContain('Secret plans');
  });

  it('shows provisioning once approved, issuer once active (D9)', async () => {
    const orderId = await takenUp();
    await api.approve(orderId);
    const approved = await api.get(`/api/registrations/${orderId}`).expect(200);
    expect(approved.body).toMatchObject({ status: 'Approved', provisioning: { state: 'queued', steps: [] } });
    expect(approved.body).not.toHaveProperty('issuer');
    const { slug, tenantId } = await api.order(orderId);
    await api.postgres.query(
      `update tenants set provisioning_state = 'active', status = 'active' where id = $1`,
      [tenantId],
    );
    const active = await api.get(`/api/registrations/${orderId}`).expect(200);
    expect(active.body.issuer).toBe(`https://id.example.com/${slug}`);
  });

  it.each([`ord_${'x'.repeat(32)}`, 'ord_1', '%00', "ord_' or 1=1", 'ord_%E0%A4%A'])(
    'does not know %s',
    async (orderId) => {
      await api.get(`/api/registrations/${encodeURI(orderId)}`).expect(404);
      await api.post(`/api/registrations/${encodeURI(orderId)}/approve`, {}, team.token).expect(404);
    },
  );
});

describe('the OAuth team', () => {
  it('lists orders by status, page by page', async () => {
    const orderId = await takenUp({ purpose: 'Listed' });
    const first = await api.get('/api/registrations?status=In-Process&limit=1', team.token).expect(200);
    expect(first.body.registrations).toHaveLength(1);
    let cursor = first.body.cursor;
    const seen = [first.body.registrations[0]];
    while (cursor) {
      const { body } = await api
        .get(`/api/registrations?status=In-Process&limit=1&cursor=${cursor}`, team.token)
        .expect(200);
      seen.push(...body.registrations);
      cursor = body.cursor;
    }
    expect(seen.at(-1)).toMatchObject({ orderId, requester, purpose: 'Listed', attention: null });
  });

  it.each(['status=Done', 'limit=0', 'limit=101', 'limit=x', 'limit=1&limit=2', 'cursor=%00', 'colour=red'])(
    'refuses the query %s',
    async (query) => {
      await api.get(`/api/registrations?${query}`, team.token).expect(400);
    },
  );

  it('approves, with a comment, once (A2)', async () => {
    const orderId = await takenUp();
    const { body } = await api
      .post(`/api/registrations/${orderId}/approve`, { comment: 'Welcome.' }, team.token)
      .expect(200);
    expect(body).toMatchObject({ status: 'Approved', provisioning: { state: 'queued' } });
    expect(body.history.at(-1)).toMatchObject({
      what: 'Approved',
      by: 'team@operators.example.com',
      why: 'Welcome.',
    });
    for (const [verdict, input] of [
      ['approve', {}],
      ['disapprove', { reason: 'No' }],
    ] as const) {
      const again = await api.post(`/api/registrations/${orderId}/${verdict}`, input, team.token).expect(409);
      expect(again.body.code).toBe('already_decided');
    }
  });

  it('disapproves, with a reason', async () => {
    const orderId = await takenUp();
    const path = `/api/registrations/${orderId}/disapprove`;
    await api.post(path, {}, team.token).expect(400);
    await api.post(path, { reason: '  ' }, team.token).expect(400);
    const { body } = await api.post(path, { reason: 'Not now.' }, team.token).expect(200);
    expect(body).toMatchObject({ status: 'Disapproved' });
    expect(body.history.at(-1)).toMatchObject({ what: 'Disapproved', why: 'Not now.' });
  });

  it('decides only what was taken up, and never its own', async () => {
    const early = await submitted();
    const notReady = await api.post(`/api/registrations/${early}/approve`, {}, team.token).expect(409);
    expect(notReady.body.code).toBe('not_ready');
    const own = await takenUp({ requester: { name: 'T', email: 'Team@operators.example.com' } });
    const refused = await api.post(`/api/registrations/${own}/approve`, {}, team.token).expect(403);
    expect(refused.body.code).toBe('separation_of_duties');
    expect((await api.order(own)).status).toBe('In-Process');
  });

  it('alone may decide', async () => {
    const orderId = await takenUp();
    const path = `/api/registrations/${orderId}/approve`;
    const admin = await api.person('platform', 'admin@operators.example.com', ['Platform Admin']);
    const tenantAdmin = await api.person('acme', 'boss@acme.example', ['Admin']);
    await api.post(path, {}).expect(401);
    await api.post(path, {}, admin.token).expect(403);
    await api.post(path, {}, tenantAdmin.token).expect(403);
    await api.post(path, {}, await api.robot('platform', ['registrations:read'])).expect(403);
    expect((await api.order(orderId)).status).toBe('In-Process');
    await api.post(path, {}, await api.robot()).expect(200);
  });
});
