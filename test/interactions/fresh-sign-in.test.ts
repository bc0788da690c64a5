import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startOpenidProvider, type Upstream } from '../support/openid-provider.ts';
import {
  allow,
  browserOf,
  createFederatedBrowsers,
  freshEmail,
  person,
  visit,
} from './federated-browsers.ts';
import { createTenantServer, type TenantServer, textOf } from './tenant-server.ts';

let server: TenantServer;
let upstream: Upstream;
beforeAll(async () => {
  server = await createTenantServer();
});
afterAll(() => server?.close());
beforeEach(async () => {
  upstream = await startOpenidProvider();
});
afterEach(() => upstream.close());

const browser = () => browserOf(server);
const { addSource, leave, signInBy, claimsAt } = createFederatedBrowsers(() => ({ server, upstream }));

describe('a fresh sign-in', () => {
  const now = () => Math.floor(Date.now() / 1000);
  const hour = 3_600;
  const lastPrompt = () => upstream.requests.at(-1)?.get('prompt');

  it.each([
    ['prompt=login', { prompt: 'login' }],
    ['max_age', { max_age: '300' }],
  ])('that is asked for by %s is refused when it is an old one, with a way on', async (_, parameters) => {
    const source = await addSource();
    upstream.user = person(freshEmail(), { auth_time: now() - hour });
    const agent = browser();
    const { door, verifier } = await leave(agent, source, parameters as Record<string, string>);
    const page = await agent.open(await visit(door.url));
    expect(page.status).toBe(403);
    expect(textOf(page)).toContain('a fresh sign-in is needed');
    const [again, back] = page.document.querySelectorAll('main a.button');
    const insist = async () =>
      agent.open(await visit((await agent.open(again?.getAttribute('href') ?? '')).url));
    expect((await insist()).status).toBe(403);
    expect(lastPrompt()).toBe('login');
    expect((await agent.open(back?.getAttribute('href') ?? '')).status).toBe(200);
    upstream.user = { ...upstream.user, auth_time: now() };
    const claims = await claimsAt({ ...(await allow(agent, await insist())), verifier });
    expect(claims.auth_time).toBe(upstream.user.auth_time);
  });

  it('may be as old as the application says, unless it asks for a new one', async () => {
    const source = await addSource();
    upstream.user = person(freshEmail(), { auth_time: now() - 200 });
    await claimsAt(await signInBy(source, { parameters: { max_age: '300' } }));
    expect(lastPrompt()).toBeNull();
    const both = await signInBy(source, { parameters: { max_age: '300', prompt: 'login' } });
    expect(both.status).toBe(403);
    expect(lastPrompt()).toBe('login');
  });

  it.each([{ prompt: 'login' }, { max_age: '300' }] as Record<string, string>[])(
    'cannot be had from a source that does not tell the time: %o',
    async (parameters) => {
      upstream.user = person(freshEmail());
      const page = await signInBy(await addSource(), { parameters });
      expect(page.status).toBe(403);
      expect(textOf(page)).toContain('does not say when you signed in');
      expect(page.document.querySelectorAll('main a.button')).toHaveLength(1);
    },
  );

  describe('at a source that is believed for having asked', () => {
    const arrival = () => ({
      openid: { issuer: upstream.issuer, clientId: upstream.clientId, freshSignIn: 'arrival' as const },
    });

    it('is had by the question that it knows; what it refuses is not sent', async () => {
      upstream.misbehave({ discovery: { prompt_values_supported: ['none', 'consent', 'select_account'] } });
      upstream.user = person(freshEmail());
      const source = await addSource(arrival());
      for (const parameters of [{ prompt: 'login' }, { max_age: '60' }] as Record<string, string>[]) {
        const before = now();
        const claims = await claimsAt(await signInBy(source, { parameters }));
        expect(claims.auth_time).toBeGreaterThanOrEqual(before);
        expect(lastPrompt()).toBe('select_account');
      }
      await claimsAt(await signInBy(source));
      expect(lastPrompt()).toBeNull();
    });

    it('is not had when the source knows no question, or tells of an old sign-in all the same', async () => {
      upstream.user = person(freshEmail(), { auth_time: now() - hour });
      const old = await signInBy(await addSource(arrival()), { parameters: { prompt: 'login' } });
      expect(old.status).toBe(403);
      upstream.misbehave({ discovery: { prompt_values_supported: ['none'] } });
      upstream.user = person(freshEmail());
      const mute = await signInBy(await addSource(arrival()), { parameters: { prompt: 'login' } });
      expect(textOf(mute)).toContain('does not say when you signed in');
      expect(lastPrompt()).toBeNull();
    });
  });

  it('is what the account area asks for', async () => {
    const source = await addSource();
    upstream.user = person(freshEmail(), { auth_time: now() - hour });
    const agent = browser();
    await claimsAt(await signInBy(source, { agent }));
    const ask = async () => {
      const page = await agent.open('/acme/account/data');
      const link = page.document.querySelector(`a[href*="${source.id}"]`)?.getAttribute('href') ?? '';
      return agent.open(await visit((await agent.open(link)).url));
    };
    expect((await ask()).status).toBe(403);
    expect(lastPrompt()).toBe('login');
    upstream.user = { ...upstream.user, auth_time: now() };
    expect((await ask()).url.pathname).toBe('/acme/account/data');
  });

  it('is asked for before a session sets up its first second factor', async () => {
    const source = await addSource();
    upstream.user = person(freshEmail(), { auth_time: now() - hour });
    const agent = browser();
    await claimsAt(await signInBy(source, { agent }));
    const parameters = { acr_values: 'urn:tenantry:acr:multi-factor' };
    expect((await signInBy(source, { agent, parameters })).status).toBe(403);
    expect(upstream.requests.at(-1)?.get('max_age')).toBe('600');
    upstream.user = { ...upstream.user, auth_time: now() };
    expect((await signInBy(source, { agent, parameters })).url.pathname).toMatch(/enrol-factor$/);
  });
});
