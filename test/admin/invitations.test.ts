import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBrandingStore } from '../../src/identity/branding.ts';
import { createFederatedIdentities } from '../../src/identity/federated-identities.ts';
import { createLinks } from '../../src/identity/links.ts';
import { createPasskeyRecords } from '../../src/identity/passkey-records.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let admin: { token: string };

const path = '/api/tenants/acme/invitations';
const patch = (at: string, body: object, token: string) =>
  api.http.patch(at).auth(token, { type: 'bearer' }).set('If-Match', '*').send(body);
const remove = (at: string, token: string) => api.http.delete(at).auth(token, { type: 'bearer' });

beforeAll(async () => {
  api = await createApi();
  admin = await api.person('acme', 'admin@acme.example', ['Admin']);
});
afterAll(() => api.close());

async function links() {
  const { table } = await api.partsOf('acme');
  return createLinks({ table, clock: api.clock, random: systemRandom });
}

/** The token of the link in the latest mail to an address. */
function tokenFor(email: string): string {
  const mail = api.mails.findLast(({ to }) => to === email);
  return (
    /https:\/\/id\.example\.com\/acme\/invitation\/([A-Za-z0-9_-]{43})/.exec(mail?.text ?? '')?.[1] ?? ''
  );
}

describe('invitations (B7)', () => {
  it('make an account without a password, and mail a link of one use to it', async () => {
    const { body } = await api
      .post(path, { email: 'Ada@Example.com', name: 'Ada', roles: ['Member'], locale: 'de' }, admin.token)
      .expect(201);
    expect(body).toMatchObject({
      email: 'ada@example.com',
      state: 'pending',
      invitedBy: 'admin@acme.example',
    });
    expect(JSON.stringify(body)).not.toContain(tokenFor('ada@example.com'));
    const link = await (await links()).peek(tokenFor('ada@example.com'), 'invitation');
    expect(link?.subject).toBe(body.accountId);
    const { accounts } = await api.partsOf('acme');
    expect(await accounts.get(body.accountId)).toMatchObject({ roles: ['Member'], emailVerified: false });
    await accounts.setFirstPassword(body.accountId, 'Correct horse 1!', 'ada@example.com');
    const { body: list } = await api.get(path, admin.token).expect(200);
    expect(list.invitations).toContainEqual(expect.objectContaining({ id: body.id, state: 'accepted' }));
    await api.post(`${path}/${body.id}/resend`, {}, admin.token).expect(409);
    await api.post(path, { email: 'ada@example.com', name: 'Ada' }, admin.token).expect(409);
  });

  it('speak in the name and in the language that the tenant has for its users', async () => {
    const { table } = await api.partsOf('acme');
    const branding = createBrandingStore({ table });
    await branding.put({ displayName: 'Acme für alle', language: 'de' });
    await api.post(path, { email: 'brand@example.com', name: 'B' }, admin.token).expect(201);
    expect(api.mails.at(-1)).toMatchObject({
      to: 'brand@example.com',
      subject: expect.stringContaining('Acme für alle'),
    });
    expect(api.mails.at(-1)?.text).toContain('Guten Tag');
    await api.post(path, { email: 'brand2@example.com', name: 'B', locale: 'en' }, admin.token).expect(201);
    expect(api.mails.at(-1)?.text).not.toContain('Guten Tag');
    await branding.put({});
  });

  it('are not taken back by whoever has not seen that they were accepted', async () => {
    const { body, headers } = await api
      .post(path, { email: 'quick@example.com', name: 'Q' }, admin.token)
      .expect(201);
    const { accounts } = await api.partsOf('acme');
    await accounts.setFirstPassword(body.accountId, 'Correct horse 1!', 'quick@example.com');
    const at = `${path}/${body.id}`;
    await remove(at, admin.token).set('If-Match', String(headers.etag)).expect(412);
    const seen = await api.get(at, admin.token).expect(200);
    expect(seen.body).toEqual({ ...body, state: 'accepted' });
    await remove(at, admin.token).set('If-Match', String(seen.headers.etag)).expect(200);
    expect(await accounts.get(body.accountId)).toBeDefined();
  });

  it('are sent again with another link; the former one is worth nothing then', async () => {
    const { body } = await api.post(path, { email: 'again@example.com', name: 'A' }, admin.token).expect(201);
    const first = tokenFor('again@example.com');
    await api.post(`${path}/${body.id}/resend`, {}, admin.token).expect(200);
    const second = tokenFor('again@example.com');
    expect(second).not.toBe(first);
    expect(await (await links()).peek(first, 'invitation')).toBeUndefined();
    expect(await (await links()).peek(second, 'invitation')).toBeDefined();
  });

  it('end when the address is corrected or the account disabled, and are sent again to the address of today', async () => {
    const { body } = await api.post(path, { email: 'typo@example.com', name: 'T' }, admin.token).expect(201);
    const user = `/api/tenants/acme/users/${body.accountId}`;
    const stateOf = async () =>
      (await api.get(path, admin.token)).body.invitations.find(({ id }: { id: string }) => id === body.id);
    await patch(user, { email: 'right@example.com' }, admin.token).expect(200);
    expect(await stateOf()).toMatchObject({ state: 'expired', email: 'typo@example.com' });
    await api.post(`${path}/${body.id}/resend`, {}, admin.token).expect(200);
    expect(await stateOf()).toMatchObject({ state: 'pending', email: 'right@example.com' });
    expect(tokenFor('right@example.com')).not.toBe('');
    await patch(user, { disabled: true }, admin.token).expect(200);
    await patch(user, { disabled: false }, admin.token).expect(200);
    expect(await stateOf()).toMatchObject({ state: 'expired' });
  });

  it('are taken back with the account that was made for them', async () => {
    const { body } = await api.post(path, { email: 'back@example.com', name: 'B' }, admin.token).expect(201);
    await remove(`${path}/${body.id}`, admin.token).expect(200);
    expect(await (await links()).peek(tokenFor('back@example.com'), 'invitation')).toBeUndefined();
    await api.get(`/api/tenants/acme/users/${body.accountId}`, admin.token).expect(404);
    await remove(`${path}/${body.id}`, admin.token).expect(404);
    await api.post(path, { email: 'back@example.com', name: 'B' }, admin.token).expect(201);
  });

  it('that were accepted leave the account when they are taken back', async () => {
    const { body } = await api.post(path, { email: 'kept@example.com', name: 'K' }, admin.token).expect(201);
    await (await api.partsOf('acme')).accounts.setFirstPassword(
      body.accountId,
      'Correct horse 1!',
      'kept@example.com',
    );
    await remove(`${path}/${body.id}`, admin.token).expect(200);
    await api.get(`/api/tenants/acme/users/${body.accountId}`, admin.token).expect(200);
  });

  it.each(['a passkey', 'a sign-in source'])(
    'whose account somebody has made theirs by %s are accepted, and leave it when they are taken back',
    async (way) => {
      const email = `${way.replaceAll(' ', '-')}@example.com`;
      const { body } = await api.post(path, { email, name: 'W' }, admin.token).expect(201);
      const { table } = await api.partsOf('acme');
      if (way === 'a passkey') {
        await createPasskeyRecords({ table, clock: api.clock }).add({
          accountId: body.accountId,
          credentialId: 'credential-of-invited',
          publicKey: 'key',
          counter: 0,
          transports: [],
          synced: false,
          backedUp: false,
          name: 'Key',
        });
      } else {
        const identity = { sourceId: 'src_1', applicationTenantId: 'default', subject: 'invited' };
        await createFederatedIdentities({ table, clock: api.clock }).link(identity, body.accountId, email);
      }
      const { body: list } = await api.get(path, admin.token).expect(200);
      expect(list.invitations).toContainEqual(expect.objectContaining({ id: body.id, state: 'accepted' }));
      await api.post(`${path}/${body.id}/resend`, {}, admin.token).expect(409);
      await remove(`${path}/${body.id}`, admin.token).expect(200);
      await api.get(`/api/tenants/acme/users/${body.accountId}`, admin.token).expect(200);
    },
  );

  it('leave nothing of an account that is taken back with them', async () => {
    const { body } = await api.post(path, { email: 'trace@example.com', name: 'T' }, admin.token).expect(201);
    const { table } = await api.partsOf('acme');
    // Set up, and no way in.
    await table.put({
      pk: `Account#${body.accountId}`,
      sk: 'factor#totp',
      sealedSecret: 'x',
      createdAt: 'x',
    });
    await remove(`${path}/${body.id}`, admin.token).expect(200);
    const left: string[] = [];
    for await (const item of table.scan()) {
      if (JSON.stringify(item).includes(body.accountId)) left.push(item.pk);
    }
    expect(left).toEqual([]);
  });

  it('are unknown to another application tenant and another tenant (E2, E3)', async () => {
    const { applicationTenants } = await api.partsOf('acme');
    const north = await applicationTenants.create({ slug: 'north', name: 'North <Wind>' });
    const { token } = await api.person('acme', 'admin@north.example', ['Admin'], north.id);
    const { body } = await api.post(path, { email: 'staff@example.com', name: 'S' }, admin.token).expect(201);
    await api.post(`${path}/${body.id}/resend`, {}, token).expect(404);
    await remove(`${path}/${body.id}`, token).expect(404);
    expect((await api.get(path, token).expect(200)).body.invitations).toEqual([]);
    await api.post(path, { email: 'own@example.com', name: 'O' }, token).expect(201);
    expect(api.mails.at(-1)?.html).toContain('North &lt;Wind&gt;');
    const globex = await api.person('globex', 'admin@globex.example', ['Admin']);
    await api.get(path, globex.token).expect(404);
    await remove(`${path}/${body.id}`, globex.token).expect(404);
  });
});
