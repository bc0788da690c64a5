import { expect } from 'vitest';
import type { SignInSourceSettings } from '../../src/identity/sign-in-source.ts';
import { Secret } from '../../src/kernel/secret.ts';
import type { Upstream } from '../support/openid-provider.ts';
import { type Arrival, createUserAgent, type UserAgent } from '../support/user-agent.ts';
import { authorizationRequest, redeem, redirectUri, type TenantServer, textOf } from './tenant-server.ts';

let count = 0;
export function freshEmail(domain = 'corp.example'): string {
  count += 1;
  return `person${count}@${domain}`;
}

/** Claims of somebody with a verified address. */
export const person = (email: string, more: Record<string, unknown> = {}) => ({
  sub: `sub-of-${email}`,
  email,
  email_verified: true,
  name: 'Ada Lovelace',
  ...more,
});

/** What the provider answers to this browser: the callback. */
export async function visit(door: URL): Promise<URL> {
  const response = await fetch(door, { redirect: 'manual' });
  return new URL(response.headers.get('location') ?? '');
}

/** On the page that asks for consent, if there is one. */
export async function allow(agent: UserAgent, arrival: Arrival): Promise<Arrival> {
  const isConsent = arrival.document.querySelector('form[action$="/consent"]') !== null;
  return isConsent ? agent.submit(arrival) : arrival;
}

/** Stops on the way to another server, as every redirect to another origin does. */
export const browserOf = ({ origin }: Pick<TenantServer, 'origin'>) => createUserAgent(origin);

/** Browsers that sign in to the server's first tenant by way of the provider; `parts` are those of the moment. */
export function createFederatedBrowsers(parts: () => { server: TenantServer; upstream: Upstream }) {
  async function addSource(changes: Partial<SignInSourceSettings> = {}) {
    const { server, upstream } = parts();
    const source = await server.tenant.sources.create(
      {
        kind: 'openid',
        name: 'Corp Login',
        defaultRoles: ['Member'],
        openid: { issuer: upstream.issuer, clientId: upstream.clientId },
        ...changes,
      },
      new Secret(upstream.clientSecret),
    );
    await server.tenant.rebuild();
    return source;
  }

  /** Opens the sign-in page and takes the link to the source; ends at the provider's door. */
  async function leave(
    agent: UserAgent,
    source: { id: string; domains?: readonly string[] },
    parameters: Record<string, string> = {},
  ) {
    const { url, verifier } = authorizationRequest(parts().server.tenant, parameters);
    const first = await agent.open(url);
    const [domain] = source.domains ?? [];
    const isThere = first.document.querySelector(`a[href*="${source.id}"]`) !== null;
    const page =
      isThere || domain === undefined ? first : await agent.submit(first, { email: `somebody@${domain}` });
    const link = page.document.querySelector(`a[href*="${source.id}"]`);
    if (!link) throw new Error(`no link to ${source.id}: ${textOf(page)}`);
    return { page, verifier, door: await agent.open(new URL(link.getAttribute('href') ?? '', page.url)) };
  }

  async function signInBy(
    source: { id: string; domains?: readonly string[] },
    {
      agent = browserOf(parts().server),
      parameters = {},
    }: { agent?: UserAgent; parameters?: Record<string, string> } = {},
  ): Promise<Arrival & { verifier: string }> {
    const { door, verifier } = await leave(agent, source, parameters);
    return { ...(await allow(agent, await agent.open(await visit(door.url)))), verifier };
  }

  async function claimsAt(arrival: Arrival & { verifier: string }): Promise<Record<string, unknown>> {
    expect(arrival.url.href).toContain(`${redirectUri}?code=`);
    const tokens = await redeem(parts().server.tenant, arrival);
    return JSON.parse(Buffer.from(tokens.id_token?.split('.')[1] ?? '', 'base64url').toString());
  }

  return { addSource, leave, signInBy, claimsAt };
}
