import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTenant, type TestTenant } from './tenant-fixture.ts';

describe('discovery', () => {
  let tenant: TestTenant;
  beforeAll(async () => {
    tenant = await createTenant({
      publicUrl: 'https://id.example',
      keys: [
        { alg: 'RS256', state: 'retiring' },
        { alg: 'ES256', state: 'active' },
        { alg: 'ES256', state: 'pending' },
        { alg: 'ES256', state: 'retired' },
      ],
    });
  });
  afterAll(() => tenant.close());

  it('offers exactly what the policy says', async () => {
    const response = await fetch(`${tenant.base}/.well-known/openid-configuration`);

    expect(await response.json()).toEqual({
      issuer: 'https://id.example/acme',
      authorization_endpoint: 'https://id.example/acme/auth',
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
      token_endpoint: 'https://id.example/acme/token',
      userinfo_endpoint: 'https://id.example/acme/me',
      jwks_uri: 'https://id.example/acme/jwks',
      device_authorization_endpoint: 'https://id.example/acme/device/auth',
      introspection_endpoint: 'https://id.example/acme/token/introspection',
      revocation_endpoint: 'https://id.example/acme/token/revocation',
      end_session_endpoint: 'https://id.example/acme/session/end',
      pushed_authorization_request_endpoint: 'https://id.example/acme/request',
      authorization_response_iss_parameter_supported: true,
      claim_types_supported: ['normal'],
      acr_values_supported: ['urn:tenantry:acr:single-factor', 'urn:tenantry:acr:multi-factor', 'phr'],
      claims_parameter_supported: true,
      ui_locales_supported: ['en', 'de', 'ar'],
      claims_supported: expect.arrayContaining(['sub', 'email']),
      code_challenge_methods_supported: ['S256'],
      dpop_signing_alg_values_supported: ['ES256', 'Ed25519', 'EdDSA', 'PS256', 'RS256'],
      grant_types_supported: [
        'authorization_code',
        'refresh_token',
        'client_credentials',
        'urn:ietf:params:oauth:grant-type:device_code',
      ],
      id_token_signing_alg_values_supported: ['ES256'],
      request_uri_parameter_supported: false,
      response_modes_supported: ['form_post', 'fragment', 'query'],
      response_types_supported: ['code'],
      scopes_supported: ['openid', 'offline_access', 'email'],
      subject_types_supported: ['public', 'pairwise'],
      token_endpoint_auth_methods_supported: [
        'client_secret_basic',
        'client_secret_post',
        'private_key_jwt',
        'none',
      ],
      token_endpoint_auth_signing_alg_values_supported: ['ES256', 'PS256', 'RS256', 'EdDSA', 'Ed25519'],
      userinfo_signing_alg_values_supported: ['ES256'],
    });
  });

  it.each(['.well-known/openid-configuration', '.well-known/oauth-authorization-server', 'jwks'])(
    'lets everybody keep %s as long as the lives of keys count on',
    async (path) => {
      const { headers } = await fetch(`${tenant.base}/${path}`);
      expect(headers.get('cache-control')).toBe('public, max-age=300');
      expect(headers.get('vary')).toContain('Origin');
    },
  );

  it.each(['jwkss', 'token', 'me'])('lets nobody keep %s', async (path) => {
    const { headers } = await fetch(`${tenant.base}/${path}`);
    expect(headers.get('cache-control') ?? 'no-store').toBe('no-store');
  });

  it.each(['openid-configuration', 'oauth-authorization-server'])(
    'answers at both places of RFC 8414 for %s',
    async (name) => {
      const inside = await fetch(`${tenant.base}/.well-known/${name}`);
      const before = await fetch(`${new URL(tenant.base).origin}/.well-known/${name}/acme`);

      expect(before.status).toBe(200);
      expect(await before.json()).toEqual(await inside.json());
    },
  );

  it('publishes active, pending and retiring keys, the active one first, and nothing private', async () => {
    const { keys } = (await (await fetch(`${tenant.base}/jwks`)).json()) as {
      keys: Record<string, unknown>[];
    };

    expect(keys.map(({ kid }) => kid)).toEqual(['key-1', 'key-0', 'key-2']);
    for (const key of keys) {
      for (const part of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(part);
    }
  });

  it('takes no URL from the headers of a request', async () => {
    const response = await fetch(`${tenant.base}/.well-known/openid-configuration`, {
      headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http', forwarded: 'host=evil' },
    });

    expect(JSON.stringify(await response.json())).not.toContain('evil');
  });

  it.each([
    ['/nothing', 404],
    ['', 404],
    ['/Interaction', 404],
  ])('answers %o with %i', async (path, status) => {
    const response = await fetch(tenant.base + path);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: 'not_found' });
  });
});

describe('a tenant named like a route', () => {
  it.each(['token', 'auth', 'jwks'])('%s has right URLs', async (slug) => {
    const tenant = await createTenant({ slug });
    const discovery = (await (await fetch(`${tenant.base}/.well-known/openid-configuration`)).json()) as {
      token_endpoint: string;
    };
    expect(discovery.token_endpoint).toBe(`${tenant.issuer}/token`);
    await tenant.close();
  });
});
