import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Api, createApi } from './api-fixture.ts';

const path = '/api/tenants/acme/branding';
const png = Buffer.from('\x89PNG\r\n\x1a\npicture', 'latin1').toString('base64');

let api: Api;
let token: string;
beforeAll(async () => {
  api = await createApi();
  token = await api.robot('acme');
});
afterAll(() => api.close());

function patch(body: object, { etag = '*', bearer = token } = {}) {
  return api.http.patch(path).auth(bearer, { type: 'bearer' }).set('If-Match', etag).send(body);
}

it('is changed member by member, as seen, and recorded', async () => {
  const before = await api.get(path, token).expect(200);
  expect(before.body).toEqual({});
  const { configVersion } = await api.recordOf('acme');
  const first = await patch(
    {
      displayName: 'Acme <b>',
      colours: { accent: '#1f5a55' },
      links: { support: 'https://acme.example/help' },
    },
    { etag: before.headers.etag as string },
  ).expect(200);
  expect((await api.recordOf('acme')).configVersion).toBe(configVersion + 1);
  await patch({ language: 'ar' }, { etag: before.headers.etag as string }).expect(412);
  const second = await patch({ language: 'ar', links: null }, { etag: first.headers.etag as string }).expect(
    200,
  );
  expect(second.body).toEqual({ displayName: 'Acme <b>', colours: { accent: '#1f5a55' }, language: 'ar' });
  const audit = await api.get(
    '/api/tenants/acme/audit?event=tenant.branding.changed',
    await api.robot('acme'),
  );
  expect(audit.body.events[0].details).toEqual({ changed: ['language', 'links'] });
});

it('lists everything that is wrong at once', async () => {
  const { body } = await patch({
    displayName: 'two\nlines',
    language: 'xx',
    colours: { accent: '#ffff00', accentDark: 'red' },
    links: { support: 'javascript:alert(1)' },
    script: 'alert(1)',
  }).expect(400);
  const fields = (body as { errors: { field: string }[] }).errors.map(({ field }) => field);
  expect(fields.sort()).toEqual([
    'colours.accent',
    'colours.accentDark',
    'displayName',
    'language',
    'links.support',
    'script',
  ]);
  await api.http.patch(path).auth(token, { type: 'bearer' }).send({ language: 'de' }).expect(428);
});

it('takes a logo by what it is, and shows where it is', async () => {
  const { body } = await api.post(`${path}/logo`, { data: png }, token).expect(200);
  expect(body.logo).toEqual({
    url: expect.stringMatching(/^https:\/\/id\.example\.com\/acme\/branding\/logo-[0-9a-f]{16}$/),
    type: 'image/png',
    bytes: 15,
  });
  const svg = Buffer.from('<svg onload="alert(1)"/>').toString('base64');
  await api.post(`${path}/logo`, { data: svg }, token).expect(400);
  const erase = (etag: string) =>
    api.http.delete(`${path}/logo`).auth(token, { type: 'bearer' }).set('If-Match', etag);
  await erase('"something-else"').expect(412);
  const seen = await api.get(path, token).expect(200);
  expect(seen.body.logo).toEqual(body.logo);
  const gone = await erase(String(seen.headers.etag)).expect(200);
  expect(gone.body).not.toHaveProperty('logo');
});

it('is nothing to another tenant, nor to whoever has no such scope', async () => {
  const foreign = await api.robot('globex');
  await api.get(path, foreign).expect(404);
  await patch({ displayName: 'Mine' }, { bearer: foreign }).expect(404);
  await api.post(`${path}/logo`, { data: png }, foreign).expect(404);
  const reader = await api.robot('acme', ['branding:read']);
  await api.get(path, reader).expect(200);
  await patch({ displayName: 'Mine' }, { bearer: reader }).expect(403);
});
