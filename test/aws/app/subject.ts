import type { Slug } from '../../../src/kernel/ids.ts';
import {
  createInTenant,
  type OnboardedTenant,
  onboardTenant,
  platformToken,
} from '../../support/onboarding.ts';
import type { ProductServer } from '../../support/server.ts';
import { createUserAgent, type UserAgent } from '../../support/user-agent.ts';
import { authorizationUrl, codeOf, post, redeem, redirectUri, type TestClient } from './oauth.ts';

/** A tenant to try flows on, with somebody signed in. */
export interface Subject {
  server: ProductServer;
  id: string;
  slug: string;
  issuer: string;
  user: OnboardedTenant['admin'];
  portal: TestClient;
  robot: TestClient;
  /** Has a session, and has allowed the portal what it asks for. */
  browser: UserAgent;
  /** The one that is good now. */
  refreshToken: string;
}

export const jwtResource = 'https://orders.example/';
export const opaqueResource = 'https://files.example/';
const scopes = ['orders:read', 'files:read'];

export async function prepareSubject(server: ProductServer, slug: string): Promise<Subject> {
  const tenant = await onboardTenant(server, { slug });
  const resource = { name: 'API', accessTokenTtlSeconds: 300 };
  const created = await createInTenant(server, slug, await platformToken(server), {
    resources: [
      { ...resource, indicator: jwtResource, scopes: ['orders:read'], accessTokenFormat: 'jwt' },
      { ...resource, indicator: opaqueResource, scopes: ['files:read'], accessTokenFormat: 'opaque' },
    ],
    clients: [
      { clientId: 'portal', name: 'Portal', type: 'web', redirectUris: [redirectUri] },
      { clientId: 'robot', name: 'Robot', type: 'm2m', scopes },
    ],
  });
  const [portal, robot] = created
    .slice(2)
    .map(({ clientId, clientSecret }) => ({ id: clientId, secret: clientSecret })) as [
    TestClient,
    TestClient,
  ];
  const subject: Subject = {
    server,
    id: (await server.directory.get(slug as Slug))?.id ?? '',
    slug,
    issuer: tenant.issuer,
    user: tenant.admin,
    portal,
    robot,
    browser: createUserAgent(server.origin),
    refreshToken: '',
  };
  await allow(subject);
  return subject;
}

/** The user signs in if need be and allows the portal everything; the refresh token is that of a new grant. */
export async function allow(subject: Subject): Promise<void> {
  const { server, browser, portal, user } = subject;
  const request = authorizationUrl(subject, { scope: 'openid offline_access', prompt: 'consent' });
  let page = await browser.open(request.url);
  while (page.url.origin === server.origin && page.status === 200) {
    const asksForPassword = page.document.querySelector('input[type="password"]') !== null;
    page = await browser.submit(page, asksForPassword ? { ...user } : {});
  }
  const { body } = await post(subject, '/token', portal, redeem(codeOf(page), request.verifier));
  subject.refreshToken = String(body.refresh_token);
}
