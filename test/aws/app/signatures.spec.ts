import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as openid from 'openid-client';
import { expect, it, onTestFinished } from 'vitest';
import { operatorToken, platformToken } from '../../support/onboarding.ts';
import { discover, signIn } from '../../support/relying-party.ts';
import { startServer } from '../../support/server.ts';
import { testServerEnv } from '../../support/services.ts';

const { KEYS: mode } = testServerEnv();

// ministack salts PSS with as many bytes as fit; RFC 7518, 3.5 and AWS use 32.
const unproved = mode === 'kms' ? ['PS256'] : [];
const proved = ['ES256', 'RS256', 'PS256'].filter((alg) => !unproved.includes(alg));

it.each(proved)('%s: ID tokens and access tokens verify through the JWK Set', async (alg) => {
  const server = await startServer({ env: { SIGNING_ALGORITHM: alg } });
  onTestFinished(() => server.close());
  const { issuer, resource, operators } = server.bootstrap;
  const client = await discover(issuer, 'tenantry-cli');
  const user = operators[0] as (typeof operators)[number];
  const tokens = await signIn(client, {
    redirectUri: 'http://127.0.0.1/callback',
    user,
    parameters: { scope: 'openid email' },
  });
  expect(headerOf(tokens.id_token).alg).toBe(alg);
  const { sub = '' } = tokens.claims() ?? {};
  expect((await openid.fetchUserInfo(client, tokens.access_token, sub)).email).toBe(user.email);

  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
  const accessTokens = [
    await platformToken(server),
    await operatorToken(server, 'Platform Admin', 'tenants:read'),
  ];
  for (const token of accessTokens) {
    const { protectedHeader } = await jwtVerify(token, keys, { issuer, audience: resource });
    expect(protectedHeader.alg).toBe(alg);
  }
});

it.each(unproved)('%s: a deployment whose signatures do not verify does not come to be', async (alg) => {
  process.stdout.write(`  DIFFERS FROM AWS  ${alg} of mode ${mode}: the emulator salts it otherwise\n`);
  await expect(startServer({ env: { SIGNING_ALGORITHM: alg } })).rejects.toThrow(
    'A signature of the new key does not verify.',
  );
});

function headerOf(token = ''): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString());
}
