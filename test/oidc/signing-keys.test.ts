import { decodeJwt, decodeProtectedHeader, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import {
  createTenant,
  obtainCode,
  post,
  redemption,
  redirectUri,
  type TestTenant,
} from './tenant-fixture.ts';

const olga = { kind: 'operator', id: 'acc_olga' } as const;
const revocation = { at: '2026-01-01T00:00:00.000Z', by: olga, reason: 'leaked' };

async function kidsAt(base: string): Promise<string[]> {
  const { keys } = (await (await fetch(`${base}/jwks`)).json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid);
}

async function signInTo(tenant: TestTenant) {
  const { client } = await tenant.clients.create({
    name: 'App',
    type: 'spa',
    redirectUris: [redirectUri],
    postLogoutRedirectUris: ['https://client.example/bye'],
  });
  const agent = tenant.userAgent();
  const code = await obtainCode(tenant, agent, { client_id: client.clientId });
  const { body } = await post(`${tenant.base}/token`, { clientId: client.clientId }, redemption(code));
  return { idToken: body.id_token as string };
}

describe('signing keys', () => {
  it.each(['ES256', 'RS256', 'PS256'] as const)('signs with the active key, here %s', async (alg) => {
    const tenant = await createTenant({
      keys: [
        { alg, state: 'retiring' },
        { alg, state: 'pending' },
        { alg, state: 'active' },
      ],
    });
    const { client, clientSecret } = await tenant.clients.create({ name: 'Job', type: 'm2m' });

    const { body } = await post(
      `${tenant.base}/token`,
      { clientId: client.clientId, clientSecret },
      { grant_type: 'client_credentials', resource: tenant.adminApi },
    );

    expect(decodeProtectedHeader(body.access_token)).toMatchObject({ alg, kid: 'key-2' });
    await tenant.close();
  });

  it('does not build a runtime for a tenant without an active key', async () => {
    await expect(createTenant({ keys: [{ alg: 'ES256', state: 'retiring' }] })).rejects.toMatchObject({
      code: 'temporarily_unavailable',
      headers: { 'Retry-After': '1' },
    });
  });

  it('looks for the present keys when its own is gone', async () => {
    const looked: string[] = [];
    const tenant = await createTenant({
      wrapKeys: (keys) => ({
        ...keys,
        async sign(reference, alg, data) {
          await keys.destroy(reference);
          return keys.sign(reference, alg, data);
        },
      }),
      onKeyUnusable: (slug) => looked.push(slug),
    });
    const { client, clientSecret } = await tenant.clients.create({ name: 'Job', type: 'm2m' });
    const { status, headers, body } = await post(
      `${tenant.base}/token`,
      { clientId: client.clientId, clientSecret },
      { grant_type: 'client_credentials', resource: tenant.adminApi },
    );
    expect([status, body.error, headers.get('retry-after')]).toEqual([503, 'temporarily_unavailable', '1']);
    expect(looked).toEqual(['acme']);
    await tenant.close();
  });

  it('signs by the default algorithm, though another one has a key', async () => {
    const tenant = await createTenant({
      keys: [
        { alg: 'PS256', state: 'pending' },
        { alg: 'PS256', state: 'active' },
        { alg: 'ES256', state: 'active' },
      ],
    });
    const { idToken } = await signInTo(tenant);
    expect(decodeProtectedHeader(idToken)).toMatchObject({ alg: 'PS256', kid: 'key-1' });
    expect(await kidsAt(tenant.base)).toEqual(['key-1', 'key-2', 'key-0']);
    await tenant.close();
  });
});

describe('an algorithm without an active key', () => {
  async function wanting(state: 'pending' | 'retiring' | 'retired') {
    const tenant = await createTenant({
      keys: [
        { alg: 'ES256', state: 'active' },
        { alg: 'PS256', state: 'active' },
      ],
    });
    const { client } = await tenant.clients.create({
      name: 'App',
      type: 'spa',
      redirectUris: [redirectUri],
      idTokenSignedResponseAlg: 'PS256',
    });
    const code = await obtainCode(tenant, tenant.userAgent(), { client_id: client.clientId });
    const redeem = (base: string) => post(`${base}/token`, { clientId: client.clientId }, redemption(code));
    tenant.setKeyState('key-1', { state });
    return { tenant, base: await tenant.another(), redeem };
  }

  it.each(['pending', 'retiring', 'retired'] as const)(
    'signs nothing for who wants it while its key is %s, spends nothing, and is not offered',
    async (state) => {
      const { tenant, base, redeem } = await wanting(state);
      const { status, headers, body } = await redeem(base);
      expect([status, body.error]).toEqual([503, 'temporarily_unavailable']);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      const discovery = (await (await fetch(`${base}/.well-known/openid-configuration`)).json()) as object;
      expect(discovery).toMatchObject({ id_token_signing_alg_values_supported: ['ES256'] });

      tenant.setKeyState('key-1', { state: 'active' });
      const retry = await redeem(await tenant.another());
      expect(decodeProtectedHeader(retry.body.id_token)).toMatchObject({ alg: 'PS256', kid: 'key-1' });
      await tenant.close();
    },
  );
});

describe('a former key', () => {
  async function rotated(change: Parameters<TestTenant['setKeyState']>[1]) {
    const tenant = await createTenant({
      keys: [
        { alg: 'ES256', state: 'active' },
        { alg: 'ES256', state: 'pending' },
      ],
    });
    const { idToken } = await signInTo(tenant);
    tenant.setKeyState('key-0', change);
    tenant.setKeyState('key-1', { state: 'active' });
    const base = await tenant.another();
    const logout = (hint: string) =>
      fetch(
        `${base}/session/end?${new URLSearchParams({
          id_token_hint: hint,
          post_logout_redirect_uri: 'https://client.example/bye',
        })}`,
      );
    return { tenant, base, idToken, logout };
  }

  it.each(['retired', 'destroyed'] as const)(
    'that is %s is not published, but its ID tokens are hints',
    async (state) => {
      const { tenant, base, idToken, logout } = await rotated({ state });
      expect(await kidsAt(base)).toEqual(['key-1']);
      expect((await logout(idToken)).status).toBe(200);

      const { privateKey } = await generateKeyPair('ES256');
      const forged = await new SignJWT(decodeJwt(idToken))
        .setProtectedHeader({ alg: 'ES256', kid: 'key-0' })
        .sign(privateKey);
      expect((await logout(forged)).status).toBe(400);
      await tenant.close();
    },
  );

  it('that was revoked is nothing at all', async () => {
    const { tenant, base, idToken, logout } = await rotated({ state: 'retired', revocation });
    expect(await kidsAt(base)).toEqual(['key-1']);
    expect((await logout(idToken)).status).toBe(400);
    await tenant.close();
  });

  it('of an algorithm that has no key any more does not keep the tenant from running', async () => {
    const tenant = await createTenant({
      keys: [
        { alg: 'ES256', state: 'active' },
        { alg: 'RS256', state: 'destroyed' },
      ],
    });
    expect(await kidsAt(tenant.base)).toEqual(['key-0']);
    await tenant.close();
  });
});
