import type { LinkPurpose } from '../../../src/identity/links.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { systemRandom } from '../../../src/kernel/random.ts';
import { createFederationStates } from '../../../src/oidc/interactions/federation/federation-state.ts';
import { authorize, beginAuthorization } from '../../support/relying-party.ts';
import { createUserAgent } from '../../support/user-agent.ts';
import { adminApiScopes, filesApi, ordersApi, type Party, redirectUri } from './party.ts';
import {
  type Answer,
  askToken,
  bearer,
  createProofKey,
  type ProofKey,
  push,
  redeem,
  send,
} from './requests.ts';

/** Something that was issued, and what whoever stole it may have learned with it. */
export interface Artifact {
  value: string;
  /** Of an interaction. */
  uid?: string;
  csrf?: string;
  codeVerifier?: string;
  key?: ProofKey;
  /** Of a client that has registered itself. */
  clientId?: string;
}

export type ArtifactName = keyof typeof artifacts;

/** Everything that a tenant issues, and how it comes to. */
export const artifacts = {
  'session cookie': async (party: Party): Promise<Artifact> => {
    const browser = createUserAgent(party.origin);
    await authorize(party.application, { redirectUri, user: party.admin, browser });
    return { value: await browser.jar.getCookieString(party.issuer) };
  },
  'interaction cookie': async (party: Party): Promise<Artifact> => {
    const browser = createUserAgent(party.origin);
    const page = await browser.open((await beginAuthorization(party.application, { redirectUri })).url);
    const uid = page.url.pathname.split('/').at(-1) ?? '';
    const csrf = page.document.querySelector('input[name="csrf"]')?.getAttribute('value') ?? '';
    const ofPage = await browser.jar.getCookieString(page.url.href);
    const ofResume = await browser.jar.getCookieString(`${party.issuer}/auth/${uid}`);
    return { value: `${ofPage}; ${ofResume}`, uid, csrf };
  },
  'authorization code': async (party: Party): Promise<Artifact> => {
    const { arrival, checks } = await authorize(party.application, { redirectUri, ...signedIn(party) });
    const value = arrival.url.searchParams.get('code') ?? '';
    return { value, codeVerifier: checks.pkceCodeVerifier };
  },
  'access token, opaque': (party: Party) => artifactOf(tokensOf(party), 'access_token'),
  'access token, JWT': (party: Party) =>
    artifactOf(tokensOf(party, { resource: ordersApi.indicator, scope: 'orders:read' }), 'access_token'),
  'access token of a machine': (party: Party) =>
    artifactOf(
      askToken(party, {
        client: ['robot', party.robotSecret],
        form: { grant_type: 'client_credentials', resource: filesApi.indicator, scope: 'files:read' },
      }),
      'access_token',
    ),
  'access token for the admin API': (party: Party) =>
    artifactOf(tokensOf(party, { resource: `${party.origin}/api`, scope: adminApiScopes }), 'access_token'),
  'access token, DPoP-bound': async (party: Party): Promise<Artifact> => {
    const key = await createProofKey();
    return { ...(await artifactOf(tokensOf(party, {}, key), 'access_token')), key };
  },
  'refresh token': (party: Party) => artifactOf(tokensOf(party), 'refresh_token'),
  'ID token': (party: Party) => artifactOf(tokensOf(party), 'id_token'),
  'secret of a web client': async ({ appSecret: value }: Party): Promise<Artifact> => ({ value }),
  'secret of a machine': async ({ robotSecret: value }: Party): Promise<Artifact> => ({ value }),
  'pushed request_uri': (party: Party) => artifactOf(push(party, party.appSecret), 'request_uri'),
  'device code': (party: Party) => artifactOf(beginDevice(party), 'device_code'),
  'user code': (party: Party) => artifactOf(beginDevice(party), 'user_code'),
  'API key': (party: Party) =>
    artifactOf(asAdmin(party, '/api-keys', { name: 'Script', scopes: adminApiScopes.split(' ') }), 'secret'),
  'initial access token': (party: Party) => artifactOf(initialAccessToken(party), 'token'),
  'registration access token': async (party: Party): Promise<Artifact> => {
    const { body } = await initialAccessToken(party);
    const registered = await send(`${party.issuer}/reg`, {
      headers: bearer(String(body.token)),
      json: { client_name: 'Self-made', redirect_uris: [redirectUri] },
    });
    return {
      ...(await artifactOf(Promise.resolve(registered), 'registration_access_token')),
      clientId: String(registered.body.client_id),
    };
  },
  'invitation link': (party: Party) => linkOf(party, 'invitation'),
  'sign-up link': (party: Party) => linkOf(party, 'sign-up'),
  'password reset link': (party: Party) => linkOf(party, 'password-reset'),
  'e-mail change link': (party: Party) => linkOf(party, 'email-change'),
  'form cookie': async (party: Party): Promise<Artifact> => {
    const browser = createUserAgent(party.origin);
    const page = await browser.open(`${party.issuer}/forgotten-password`);
    const csrf = page.document.querySelector('input[name="csrf"]')?.getAttribute('value') ?? '';
    return { value: await browser.jar.getCookieString(party.issuer), csrf };
  },
  'device cookie': async (party: Party): Promise<Artifact> => {
    const browser = createUserAgent(party.origin);
    await authorize(party.application, { redirectUri, user: party.admin, browser });
    const cookies = await browser.jar.getCookies(party.issuer);
    return { value: `device=${cookies.find(({ key }) => key === 'device')?.value}` };
  },
  'state of a sign-in source': async ({ table }: Party): Promise<Artifact> => {
    const states = createFederationStates({ table, clock: systemClock, random: systemRandom });
    const { state } = await states.begin({ uid: 'some-interaction', sourceId });
    return { value: state };
  },
  'order id': async ({ orderId: value }: Party): Promise<Artifact> => ({ value }),
} as const;

/** Every tenant gives its sources ids of its own; here it is the same, so that nothing but the tenant differs. */
export const sourceId = `src_${'a'.repeat(22)}`;

async function linkOf(party: Party, purpose: LinkPurpose): Promise<Artifact> {
  return { value: await party.link(purpose) };
}

function beginDevice({ issuer }: Party): Promise<Answer> {
  return send(`${issuer}/device/auth`, { form: { client_id: 'television', scope: 'openid' } });
}

function asAdmin({ origin, slug, adminToken }: Party, path: string, json: object): Promise<Answer> {
  return send(`${origin}/api/tenants/${slug}${path}`, { headers: bearer(adminToken), json });
}

function initialAccessToken(party: Party): Promise<Answer> {
  return asAdmin(party, '/initial-access-tokens', { name: 'Rollout' });
}

function signedIn({ browser, admin }: Party) {
  return { browser, user: admin };
}

/** Tokens of the admin, by the application. */
async function tokensOf(
  party: Party,
  { resource, scope }: { resource?: string; scope?: string } = {},
  key?: ProofKey,
): Promise<Answer> {
  const target = resource === undefined ? {} : { resource };
  const { arrival, checks } = await authorize(party.application, {
    redirectUri,
    ...signedIn(party),
    parameters: { ...target, scope: `openid ${scope ?? 'email'}` },
  });
  const value = arrival.url.searchParams.get('code') ?? '';
  const code = { value, codeVerifier: checks.pkceCodeVerifier };
  return redeem(party, key ? { ...code, key } : code, target);
}

async function artifactOf(answer: Promise<Answer>, member: string): Promise<Artifact> {
  const { status, body } = await answer;
  const value = body[member];
  if (typeof value !== 'string') {
    throw new Error(`no ${member} came with ${status} ${JSON.stringify(body)}`);
  }
  return { value };
}
