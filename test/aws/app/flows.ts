import { createRemoteJWKSet, jwtVerify } from 'jose';
import { expect } from 'vitest';
import { type Arrival, createUserAgent } from '../../support/user-agent.ts';
import { authorizationUrl, codeOf, type OAuthAnswer, post, redeem } from './oauth.ts';
import { allow, jwtResource, opaqueResource, type Subject } from './subject.ts';

/** What came of one try. */
export interface Outcome {
  succeeded: boolean;
  status: number;
  /** The OAuth error, in the body or on the way back to the client. */
  error: string | undefined;
  retryAfter: string | undefined;
}

/** One step of one user or client, ready to be taken. */
export interface Step {
  /** Takes the step; after a failure, takes it again as a user or client does. */
  run(): Promise<Outcome>;
  /** After a success: what was promised is so. */
  verify(): Promise<void>;
  /** After a success: it can be had only once. */
  verifySpent?(): Promise<void>;
}

export type Flow = (subject: Subject) => Promise<Step>;

/** Every flow by name. What comes before the step is part of the preparation. */
export const flows: Record<string, Flow> = {
  async 'sign-in page'(subject) {
    const { url } = authorizationUrl(subject);
    const browser = createUserAgent(subject.server.origin);
    return browserStep(() => browser.open(url), { reload: () => browser.open(url), expects: 'form' });
  },

  async login(subject) {
    const { url } = authorizationUrl(subject);
    const browser = createUserAgent(subject.server.origin);
    const page = await browser.open(url);
    const step = browserStep(() => browser.submit(page, { ...subject.user }), {
      reload: (failed) =>
        failed.url.href === formOf(page, subject)
          ? browser.submit(page, { ...subject.user })
          : browser.open(failed.url),
      expects: 'anything',
    });
    return {
      run: step.run,
      // Whoever has signed in is known from then on; what the portal may do is another question.
      async verify() {
        const silent = await browser.open(authorizationUrl(subject, { prompt: 'none' }).url);
        expect(silent.url.searchParams.get('error')).toBe('consent_required');
      },
    };
  },

  async consent(subject) {
    const { url, verifier } = authorizationUrl(subject, { prompt: 'consent' });
    return consentTo(subject, url, verifier);
  },

  async 'consent, pushed'(subject) {
    const { parameters, verifier } = authorizationUrl(subject, { prompt: 'consent' });
    const url = await pushed(subject, parameters);
    return onceOnly(subject, url, await consentTo(subject, url, verifier));
  },

  async 'silent sign-in'(subject) {
    const { url, verifier } = authorizationUrl(subject, { prompt: 'none' });
    return passSilently(subject, url, verifier);
  },

  async 'silent sign-in, pushed'(subject) {
    const { parameters, verifier } = authorizationUrl(subject, { prompt: 'none' });
    const url = await pushed(subject, parameters);
    return onceOnly(subject, url, passSilently(subject, url, verifier));
  },

  async 'code exchange'(subject) {
    const { url, verifier } = authorizationUrl(subject, { prompt: 'none' });
    const code = codeOf(await subject.browser.open(url));
    const form = redeem(code, verifier);
    const step = clientStep(
      () => post(subject, '/token', subject.portal, form),
      async ({ body }) => {
        expect(body.id_token).toBeTruthy();
        await verifyOpaque(subject, body.access_token);
      },
    );
    return {
      ...step,
      // Somebody else has the code, too: it ends the grant, and the user allows everything anew.
      async verifySpent() {
        const { status, body } = await post(subject, '/token', subject.portal, form);
        expect([status, body.error]).toEqual([400, 'invalid_grant']);
        await allow(subject);
      },
    };
  },

  async refresh(subject) {
    const refresh = (token: string) =>
      post(subject, '/token', subject.portal, { grant_type: 'refresh_token', refresh_token: token });
    return clientStep(
      () => refresh(subject.refreshToken),
      async ({ body }) => {
        expect(body.refresh_token).not.toBe(subject.refreshToken);
        await verifyOpaque(subject, body.access_token);
        subject.refreshToken = String(body.refresh_token);
      },
    );
  },

  async 'client credentials, opaque'(subject) {
    return clientStep(
      () => post(subject, '/token', subject.robot, grantFor(opaqueResource, 'files:read')),
      ({ body }) => verifyOpaque(subject, body.access_token, subject.robot),
    );
  },

  async 'client credentials, JWT'(subject) {
    return clientStep(
      () => post(subject, '/token', subject.robot, grantFor(jwtResource, 'orders:read')),
      async ({ body }) => {
        const keys = createRemoteJWKSet(new URL(`${subject.issuer}/jwks`));
        await jwtVerify(String(body.access_token), keys, { issuer: subject.issuer, audience: jwtResource });
      },
    );
  },

  async PAR(subject) {
    const { parameters, verifier } = authorizationUrl(subject, { prompt: 'none' });
    return clientStep(
      () => post(subject, '/request', subject.portal, parameters),
      async ({ body }) => {
        const url = pushedUrl(subject, body.request_uri);
        await verifyCode(subject, codeOf(await subject.browser.open(url)), verifier);
        expect((await subject.browser.open(url)).url.searchParams.has('code')).toBe(false);
      },
    );
  },

  async introspection(subject) {
    const token = await freshToken(subject);
    return clientStep(
      () => post(subject, '/token/introspection', subject.robot, { token }),
      async ({ body }) => expect(body.active).toBe(true),
    );
  },

  async revocation(subject) {
    const token = await freshToken(subject);
    return clientStep(
      () => post(subject, '/token/revocation', subject.robot, { token }),
      async () => {
        const { body } = await post(subject, '/token/introspection', subject.robot, { token });
        expect(body).toEqual({ active: false });
      },
    );
  },
};

/** The page on which the user allows the portal what it asks for. */
async function consentTo(subject: Subject, url: URL, verifier: string): Promise<Step> {
  const { browser } = subject;
  const page = await browser.open(url);
  let arrival: Arrival | undefined;
  const keep = (next: Arrival) => {
    arrival = next;
    return next;
  };
  const step = browserStep(async () => keep(await browser.submit(page)), {
    reload: async (failed) =>
      keep(
        failed.url.href === formOf(page, subject)
          ? await browser.submit(page)
          : await browser.open(failed.url),
      ),
    expects: 'code',
  });
  return { run: step.run, verify: () => verifyCode(subject, codeOf(arrival as Arrival), verifier) };
}

function passSilently(subject: Subject, url: URL, verifier: string): Step {
  let arrival: Arrival | undefined;
  const open = async () => {
    arrival = await subject.browser.open(url);
    return arrival;
  };
  const step = browserStep(open, { reload: open, expects: 'code' });
  return { run: step.run, verify: () => verifyCode(subject, codeOf(arrival as Arrival), verifier) };
}

/** Where a sign-in begins whose parameters the portal has pushed (RFC 9126). */
async function pushed(subject: Subject, parameters: Record<string, string>): Promise<URL> {
  const { body } = await post(subject, '/request', subject.portal, parameters);
  return pushedUrl(subject, body.request_uri);
}

function pushedUrl({ issuer, portal }: Subject, requestUri: unknown): URL {
  const url = new URL(`${issuer}/auth`);
  url.search = new URLSearchParams({ client_id: portal.id, request_uri: String(requestUri) }).toString();
  return url;
}

/** The pushed request gives one code and no more. */
function onceOnly({ browser }: Subject, url: URL, step: Step): Step {
  return {
    ...step,
    async verifySpent() {
      expect((await browser.open(url)).url.searchParams.has('code')).toBe(false);
    },
  };
}

function grantFor(resource: string, scope: string) {
  return { grant_type: 'client_credentials', resource, scope };
}

async function freshToken(subject: Subject): Promise<string> {
  const form = grantFor(opaqueResource, 'files:read');
  return String((await post(subject, '/token', subject.robot, form)).body.access_token);
}

async function verifyOpaque(subject: Subject, token: unknown, client = subject.portal): Promise<void> {
  const { body } = await post(subject, '/token/introspection', client, { token: String(token) });
  expect(body.active).toBe(true);
}

async function verifyCode(subject: Subject, code: string, verifier: string): Promise<void> {
  expect((await post(subject, '/token', subject.portal, redeem(code, verifier))).status).toBe(200);
}

function clientStep(run: () => Promise<OAuthAnswer>, verify: (answer: OAuthAnswer) => Promise<void>): Step {
  let last: OAuthAnswer | undefined;
  return {
    async run() {
      last = await run();
      const { status, headers, body } = last;
      return {
        succeeded: status === 200 || status === 201,
        status,
        error: body.error === undefined ? undefined : `${body.error}`,
        retryAfter: headers.get('retry-after') ?? undefined,
      };
    },
    verify: () => verify(last as OAuthAnswer),
  };
}

function browserStep(
  first: () => Promise<Arrival>,
  {
    reload,
    expects,
  }: { reload: (failed: Arrival) => Promise<Arrival>; expects: 'form' | 'code' | 'anything' },
): Pick<Step, 'run' | 'verify'> {
  let failed: Arrival | undefined;
  return {
    async run() {
      const arrival: Arrival = await (failed === undefined ? first() : reload(failed));
      const hasCode = arrival.url.searchParams.has('code');
      const hasForm = arrival.status === 200 && arrival.document.querySelector('form') !== null;
      const succeeded = { form: hasForm, code: hasCode, anything: hasForm || hasCode }[expects];
      failed = succeeded ? undefined : arrival;
      return {
        succeeded,
        status: arrival.status,
        error: arrival.url.searchParams.get('error') ?? undefined,
        retryAfter: arrival.headers.get('retry-after') ?? undefined,
      };
    },
    verify: async () => {},
  };
}

function formOf(page: Arrival, { server }: Subject): string {
  const action = page.document.querySelector('form')?.getAttribute('action') ?? '';
  return new URL(action, server.origin).href;
}
