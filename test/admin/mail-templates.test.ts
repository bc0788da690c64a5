import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Api, createApi } from './api-fixture.ts';

const collection = '/api/tenants/acme/mail-templates';
const path = `${collection}/verification/de`;

let api: Api;
let token: string;
beforeAll(async () => {
  api = await createApi();
  token = await api.robot('acme');
});
afterAll(() => api.close());

function patch(body: object, etag: string, bearer = token) {
  return api.http.patch(path).auth(bearer, { type: 'bearer' }).set('If-Match', etag).send(body);
}

it('lists what there is, and what may be said', async () => {
  const { body } = await api.get(collection, token).expect(200);
  expect(body.templates).toHaveLength(7);
  expect(body.templates[1]).toEqual({
    template: 'verification',
    variables: ['tenant', 'email', 'link', 'validity'],
    languages: ['en', 'de', 'ar'].map((language) => ({ language, isDefault: true })),
  });
});

it('is changed as seen, recorded, and given back', async () => {
  const before = await api.get(path, token).expect(200);
  expect(before.body).toMatchObject({ template: 'verification', language: 'de', isDefault: true });
  const changed = await patch({ subject: 'Neu bei {{tenant}}' }, before.headers.etag as string).expect(200);
  expect(changed.body).toMatchObject({
    isDefault: false,
    subject: 'Neu bei {{tenant}}',
    text: before.body.text,
  });
  await patch({ subject: 'Zu spät' }, before.headers.etag as string).expect(412);
  const audit = await api.get('/api/tenants/acme/audit?event=tenant.mail-template.changed', token);
  expect(audit.body.events[0].details).toEqual({ template: 'verification', language: 'de' });
  const giveBack = (etag: string) =>
    api.http.delete(path).auth(token, { type: 'bearer' }).set('If-Match', etag);
  await giveBack(String(before.headers.etag)).expect(412);
  const back = await giveBack(String(changed.headers.etag)).expect(200);
  expect(back.body).toEqual(before.body);
});

it('names the variable that a mail does not have', async () => {
  const { body } = await patch({ subject: '{{password}}', html: '<script>' }, '*').expect(400);
  expect(body.errors.map(({ field }: { field: string }) => field)).toEqual(['subject', 'html', 'html']);
  expect(body.errors[0].message).toContain('unknown variable password');
});

it('is shown with sample values, in a draft too, and nothing is stored', async () => {
  const draft = { subject: 'Hallo {{email}} <b>', html: '<p>{{email}}</p><a href="{{link}}">Los</a>' };
  const { body } = await api.post(`${path}/preview`, draft, token).expect(200);
  expect(body.subject).toBe('Hallo ada@example.com <b>');
  expect(body.html).toContain('<a href="https://id.example.com/acme/example/sample-link">Los</a>');
  expect(body.text).toContain('30 Minuten');
  expect((await api.get(path, token)).body.isDefault).toBe(true);
  await api.post(`${path}/preview`, { text: '{{secret}}' }, token).expect(400);
});

it('is nothing to another tenant, and there are no others', async () => {
  const foreign = await api.robot('globex');
  await api.get(path, foreign).expect(404);
  await patch({ subject: 'x' }, '*', foreign).expect(404);
  await api.get(`${collection}/verification/fr`, token).expect(404);
  await api.get(`${collection}/constructor/en`, token).expect(404);
  await patch({ subject: 'x' }, '*', await api.robot('acme', ['branding:read'])).expect(403);
});
