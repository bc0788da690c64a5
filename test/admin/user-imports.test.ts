import { Readable } from 'node:stream';
import { hash as bcrypt } from '@node-rs/bcrypt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readUpload } from '../../src/admin/imports/read-upload.ts';
import { createUserImportJob } from '../../src/admin/imports/user-import-job.ts';
import { listAudit } from '../../src/audit/list-audit.ts';
import type { Slug } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { silentLog } from '../support/services.ts';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let admin: { token: string; account: { id: string } };
const password = 'Correct horse 1!';
const path = '/api/tenants/acme/user-imports';

beforeAll(async () => {
  api = await createApi();
  admin = await api.person('acme', 'admin@acme.example', ['Admin']);
});
afterAll(() => api.close());

async function upload(body: string, { type = 'application/x-ndjson', query = '', token = admin.token } = {}) {
  return api.http
    .post(`${path}${query}`)
    .auth(token, { type: 'bearer' })
    .set('Content-Type', type)
    .send(body);
}

/** Uploads and works the upload off; the report, and what was refused. */
async function importUsers(body: string, options: Parameters<typeof upload>[1] = {}) {
  const { body: uploaded, status } = await upload(body, options);
  expect(status, JSON.stringify(uploaded)).toBe(202);
  await api.runImport(uploaded);
  const at = `${path}/${uploaded.id}`;
  const { body: report } = await api.get(at, options.token ?? admin.token).expect(200);
  const { body: refused } = await api.get(`${at}/errors`, options.token ?? admin.token).expect(200);
  return { report, errors: refused.errors as { line: number; field: string; message: string }[] };
}

const ndjson = (...lines: object[]) => lines.map((line) => JSON.stringify(line)).join('\n');

describe('imports of users', () => {
  it('make accounts with what is said of them, and passwords that were set elsewhere', async () => {
    const passwordHash = await bcrypt(password, 8);
    const { groups, accounts, memberships } = await api.partsOf('acme');
    const clerks = await groups.create({ name: 'Clerks', description: '', roles: ['Viewer'] });
    const { report, errors } = await importUsers(
      ndjson(
        {
          email: 'one@example.com',
          givenName: 'One',
          familyName: 'First',
          roles: ['Member'],
          groups: ['clerks'],
        },
        { email: 'two@example.com', passwordHash, emailVerified: true, externalId: 'hr-2' },
      ),
    );
    expect(errors).toEqual([]);
    expect(report).toMatchObject({
      state: 'done',
      total: 2,
      processed: 2,
      created: 2,
      updated: 0,
      skipped: 0,
      failed: 0,
    });
    const one = await accounts.findByEmail('default', 'one@example.com');
    expect(one).toMatchObject({ name: 'One First', roles: ['Member'] });
    expect(one && (await memberships.groupsOf(one)).map(({ id }) => id)).toEqual([clerks.id]);
    expect(await accounts.verifyPassword('two@example.com', password)).toMatchObject({
      name: 'two@example.com',
      externalId: 'hr-2',
      emailVerified: true,
    });
  });

  it('name the line of CSV that has not a cell for each column, and take the others', async () => {
    const { report, errors } = await importUsers(
      'email,name\nrow1@example.com,One\nrow2@example.com\nrow3@example.com,Three,3\nrow4@example.com,Four\n',
      { type: 'text/csv' },
    );
    expect(report).toMatchObject({ total: 4, created: 2, failed: 2 });
    expect(errors).toEqual(
      [2, 3].map((line) => ({ line, field: '', message: expect.stringContaining('a cell for each column') })),
    );
  });

  it('take CSV', async () => {
    const { report, errors } = await importUsers(
      '\uFEFFemail,name,roles,emailVerified\r\ncsv1@example.com,"Comma, Ada",Member;Viewer,TRUE\r\n\r\ncsv2@example.com,,,maybe\r\n',
      { type: 'text/csv; charset=utf-8' },
    );
    expect(report).toMatchObject({ total: 2, created: 1, failed: 1 });
    expect(errors).toEqual([{ line: 2, field: 'emailVerified', message: expect.any(String) }]);
    const { accounts } = await api.partsOf('acme');
    expect(await accounts.findByEmail('default', 'csv1@example.com')).toMatchObject({
      name: 'Comma, Ada',
      roles: ['Member', 'Viewer'],
      emailVerified: true,
    });
  });

  it('report what is wrong line by line, and do the rest', async () => {
    const { report, errors } = await importUsers(
      [
        '{"email":"ok@example.com"}',
        'not json',
        '[]',
        '{"email":"nobody"}',
        '{"email":"h@example.com","passwordHash":"5f4dcc3b5aa765d61d8327deb882cf99"}',
        '{"email":"r@example.com","roles":["Wizard"],"groups":["Nowhere"]}',
        '{"email":"s@example.com","surprise":true}',
      ].join('\n'),
    );
    expect(report).toMatchObject({ total: 7, processed: 7, created: 1, failed: 6 });
    expect(errors.map(({ line, field }) => `${line} ${field}`)).toEqual([
      '2 ',
      '3 ',
      '4 email',
      '5 passwordHash',
      '6 roles.0',
      '6 groups.0',
      '7 surprise',
    ]);
    expect(JSON.stringify(errors)).not.toContain('5f4dcc3b5aa765d61d8327deb882cf99');
  });

  it('can be repeated: what is there is skipped, or changed when asked for, and no password is replaced', async () => {
    const { accounts } = await api.partsOf('acme');
    await importUsers(ndjson({ email: 'rep@example.com', name: 'Before' }));
    const again = await importUsers(ndjson({ email: 'REP@example.com', name: 'After' }));
    expect(again.report).toMatchObject({ created: 0, skipped: 1 });
    expect(await accounts.findByEmail('default', 'rep@example.com')).toMatchObject({ name: 'Before' });
    const updating = { query: '?onExisting=update' };
    const first = await bcrypt(password, 8);
    const changed = await importUsers(
      ndjson({ email: 'rep@example.com', name: 'After', passwordHash: first }),
      updating,
    );
    expect(changed.report).toMatchObject({ created: 0, updated: 1 });
    const second = await bcrypt('Another horse 1!', 8);
    await importUsers(ndjson({ email: 'rep@example.com', passwordHash: second }), updating);
    expect(await accounts.verifyPassword('rep@example.com', password)).toMatchObject({ name: 'After' });
    expect(await accounts.verifyPassword('rep@example.com', 'Another horse 1!')).toBeUndefined();
  });

  it('take many lines, some at a time, and forget the upload as they go', async () => {
    const lines = Array.from({ length: 250 }, (_, index) => ({
      email: `many${index}@example.com`,
      name: `M ${index}`,
    }));
    const { body } = await upload(ndjson(...lines));
    const { table } = await api.partsOf('acme');
    const left = async () =>
      (await table.query({ pk: `Import#${body.id}`, skPrefix: 'chunk#' })).items.length;
    expect(await left()).toBe(3);
    await expect(api.runImport(body, { signal: AbortSignal.abort() })).rejects.toThrow();
    await api.runImport(body);
    await api.runImport(body);
    expect(await left()).toBe(0);
    const { body: report } = await api.get(`${path}/${body.id}`, admin.token).expect(200);
    expect(report).toMatchObject({ state: 'done', total: 250, processed: 250, created: 250 });
  });

  it('give nobody more than the caller has (C1), and reach no other application tenant (E2)', async () => {
    const clerk = await api.robot('acme', ['users:read', 'users:write']);
    const { report, errors } = await importUsers(
      ndjson(
        { email: 'up@example.com', roles: ['Admin'] },
        { email: 'admin@acme.example', name: 'Taken over' },
      ),
      { token: clerk, query: '?onExisting=update' },
    );
    expect(report).toMatchObject({ created: 0, updated: 0, failed: 2 });
    expect(errors.map(({ line }) => line)).toEqual([1, 2]);
    const { applicationTenants, accounts } = await api.partsOf('acme');
    expect(await accounts.findByEmail('default', 'admin@acme.example')).toMatchObject({ name: 'admin' });
    const north = await applicationTenants.create({ slug: 'north', name: 'North' });
    const { token } = await api.person('acme', 'admin@north.example', ['Admin'], north.id);
    expect((await upload('{}', { token, query: '?applicationTenant=default' })).status).toBe(404);
    const inside = await importUsers(ndjson({ email: 'one@example.com' }), { token });
    expect(inside.report).toMatchObject({ applicationTenantId: north.id, created: 1 });
    const { body: foreign } = await upload('{"email":"f@example.com"}');
    await api.get(`${path}/${foreign.id}`, token).expect(404);
    await api.get(`${path}/${foreign.id}/errors`, token).expect(404);
  });

  it('give what roles give when they are worked off, not when they came (C1)', async () => {
    const { roles } = await api.partsOf('acme');
    const helper = { name: 'Helper', description: '', scopes: ['help'] };
    await roles.create(helper);
    const clerk = await api.robot('acme', ['users:read', 'users:write']);
    const { body } = await upload(ndjson({ email: 'helper@example.com', roles: ['Helper'] }), {
      token: clerk,
    });
    await roles.replace(helper, { ...helper, scopes: ['admin'] });
    await api.runImport(body);
    const { body: report } = await api.get(`${path}/${body.id}`, clerk).expect(200);
    expect(report).toMatchObject({ state: 'done', created: 0, failed: 1 });
  });

  it('make nobody in the name of somebody who may do so no more (C1)', async () => {
    const gone = await api.person('acme', 'gone@acme.example', ['Admin']);
    const { accounts } = await api.partsOf('acme');
    const { body } = await upload(ndjson({ email: 'late@example.com', roles: ['Admin'] }), {
      token: gone.token,
    });
    await accounts.setRoles(gone.account.id, ['Member']);
    await api.runImport(body);
    const { body: report } = await api.get(`${path}/${body.id}`, admin.token).expect(200);
    expect(report).toMatchObject({ state: 'failed', processed: 0 });
    expect(await accounts.findByEmail('default', 'late@example.com')).toBeUndefined();
  });

  it('choose nobody’s id: one that is a client’s would be mistaken for it (RFC 9700 §4.15)', async () => {
    const { accounts } = await api.partsOf('acme');
    const lines = ['console', admin.account.id].map((id) => ({ id, email: `${id.slice(0, 7)}@ids.example` }));
    const { report } = await importUsers(ndjson(...lines));
    expect(report).toMatchObject({ created: 2 });
    for (const { id, email } of lines) {
      const made = await accounts.findByEmail('default', email);
      expect(made?.id).toMatch(/^acc_/);
      expect(made?.id).not.toBe(id);
    }
  });

  it('make room for those of others after some parts, and go on where they were', async () => {
    const { body } = await upload(
      ndjson(...Array.from({ length: 250 }, (_, index) => ({ email: `parts${index}@example.com` }))),
    );
    const payload = {
      slug: 'acme' as Slug,
      applicationTenantId: body.applicationTenantId as string,
      importId: body.id as string,
    };
    const sent: unknown[] = [];
    const job = createUserImportJob({
      ...api,
      random: systemRandom,
      log: silentLog,
      partsAtOnce: 1,
      queue: {
        send: async (_transaction, ...what) => {
          sent.push(what);
        },
        wake: () => {},
      },
    });
    const processed: number[] = [];
    for (let run = 0; run < 3; run += 1) {
      await job.run(payload, new AbortController().signal);
      processed.push((await api.get(`${path}/${body.id}`, admin.token)).body.processed);
    }
    expect(processed).toEqual([100, 200, 250]);
    expect(sent).toEqual(Array(2).fill(['user-import', payload, { continues: true }]));
    expect((await api.get(`${path}/${body.id}`, admin.token)).body).toMatchObject({
      state: 'done',
      created: 250,
    });
  });

  it('are five at most under way in an application tenant, and keep no other from its own', async () => {
    const { applicationTenants } = await api.partsOf('acme');
    await applicationTenants.create({ slug: 'crowded', name: 'Crowded' });
    await applicationTenants.create({ slug: 'quiet', name: 'Quiet' });
    const send = (slug: string) => upload('{"email":"a@b.example"}', { query: `?applicationTenant=${slug}` });
    const answers = await Promise.all(Array.from({ length: 8 }, () => send('crowded')));
    const taken = answers.filter(({ status }) => status === 202);
    expect(taken).toHaveLength(5);
    expect(answers.filter(({ body }) => body.code === 'quota_exceeded')).toHaveLength(3);
    expect((await send('quiet')).status).toBe(202);
    await api.runImport(taken[0]?.body);
    expect((await send('crowded')).status).toBe(202);
    expect((await send('crowded')).status).toBe(409);
    // One that broke off, with the process that took it, is no hindrance for long.
    const { table } = await api.partsOf('acme');
    await table.update({ pk: `Import#${taken[1]?.body.id}`, sk: 'import' }, { set: { state: 'uploading' } });
    expect((await send('crowded')).status).toBe(409);
    api.clock.advance(3_600_000);
    admin = { ...admin, token: await api.robot('acme') };
    expect((await send('crowded')).status).toBe(202);
  });

  it('are begun once, however often the same upload comes with one Idempotency-Key', async () => {
    const { applicationTenants } = await api.partsOf('acme');
    await applicationTenants.create({ slug: 'repeating', name: 'Repeating' });
    const query = '?applicationTenant=repeating';
    const send = (body: string, more = '') =>
      api.http
        .post(`${path}${query}${more}`)
        .auth(admin.token, { type: 'bearer' })
        .set('Content-Type', 'application/x-ndjson')
        .set('Idempotency-Key', 'upload-1')
        .send(body);
    const lines = ndjson({ email: 'once1@example.com' }, { email: 'once2@example.com' });
    const first = await send(lines).expect(202);
    await api.runImport(first.body);
    for (let again = 0; again < 6; again += 1) {
      const repeated = await send(lines).expect(202);
      expect(repeated.headers['idempotent-replayed']).toBe('true');
      expect(repeated.headers.location).toBe(first.headers.location);
      expect(repeated.body).toEqual(first.body);
    }
    await send(ndjson({ email: 'once3@example.com' })).expect(422);
    await send(lines, '&onExisting=update').expect(422);
    // Whatever came again holds no place: there is room for five others.
    for (const number of [1, 2, 3, 4, 5]) {
      expect((await upload(`{"email":"room${number}@example.com"}`, { query })).status).toBe(202);
    }
    const { events } = await listAudit(api.postgres, { limit: 200 });
    expect(
      events.filter(
        ({ event, details }) => event === 'user.import-started' && details.importId === first.body.id,
      ),
    ).toHaveLength(1);
  });

  it('refuse what is no upload', async () => {
    expect((await upload('{}', { type: 'application/json' })).status).toBe(415);
    expect((await upload('name\nAda', { type: 'text/csv' })).status).toBe(400);
    expect((await upload('email,hacked\na@b.example,1', { type: 'text/csv' })).status).toBe(400);
    const unclosed = await upload('email\na@b.example\nb"c', { type: 'text/csv' });
    expect([unclosed.status, unclosed.body.detail]).toEqual([400, 'The upload is not valid CSV, in line 3.']);
    expect((await upload(`{"email":"${'x'.repeat(20_000)}"}`)).status).toBe(413);
    expect((await upload('{}', { query: '?onExisting=destroy' })).status).toBe(400);
    const member = await api.person('acme', 'plain@acme.example', ['Member']);
    expect((await upload('{}', { token: member.token })).status).toBe(403);
  });

  it('end at their limits', async () => {
    const limits = { bytes: 100, lines: 3, lineBytes: 50 };
    const read = async (text: string | Buffer) =>
      Array.fromAsync(readUpload(Readable.from([Buffer.from(text)]), 'ndjson', limits));
    expect(await read('{"a":1}\n\n{"b":2}')).toEqual([
      { line: 1, value: { a: 1 } },
      { line: 2, value: { b: 2 } },
    ]);
    await expect(read('{}\n{}\n{}\n{}')).rejects.toMatchObject({ code: 'payload_too_large' });
    await expect(read(`"${'x'.repeat(60)}"`)).rejects.toMatchObject({ code: 'payload_too_large' });
    await expect(read('{}\n'.repeat(40))).rejects.toMatchObject({ code: 'payload_too_large' });
    await expect(read(Buffer.from([0x22, 0xff, 0x22]))).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('an export of users', () => {
  it('comes back as it was, without credentials', async () => {
    const { accounts, groups, memberships, applicationTenants } = await api.partsOf('acme');
    const from = await applicationTenants.create({ slug: 'from', name: 'From' });
    const into = await applicationTenants.create({ slug: 'into', name: 'Into' });
    for (const applicationTenantId of [from.id, into.id]) {
      await groups.create({ name: 'Readers', description: '', roles: [], applicationTenantId });
    }
    const ada = await accounts.create({
      email: 'ada@example.com',
      name: 'Ada',
      givenName: 'Ada',
      roles: ['Member'],
      emailVerified: true,
      applicationTenantId: from.id,
    });
    await accounts.setPassword(ada.id, password);
    const readers = await groups.findByName(from.id, 'Readers');
    if (readers) await memberships.add(ada, readers);
    const { text } = await api
      .get('/api/tenants/acme/user-export?applicationTenant=from', admin.token)
      .buffer(true)
      .parse((response, done) => {
        let body = '';
        response.on('data', (part: Buffer) => {
          body += part.toString();
        });
        response.on('end', () => done(null, body));
      })
      .then(({ body }) => ({ text: body as string }));
    expect(text).not.toContain('argon2');
    expect(text.trim().split('\n')).toHaveLength(1);
    const { report } = await importUsers(text, { query: '?applicationTenant=into' });
    expect(report).toMatchObject({ created: 1, failed: 0 });
    const copy = await accounts.findByEmail(into.id, 'ada@example.com');
    expect(copy).toMatchObject({ name: 'Ada', givenName: 'Ada', roles: ['Member'], emailVerified: true });
    expect(copy && (await memberships.groupsOf(copy)).map(({ name }) => name)).toEqual(['Readers']);
  });
});
