/**
 * What one tenant hands out, and where it could be presented to another (E3, E4). Two lists: `artifacts.ts` says how a tenant comes to issue
 * each thing, this file, `page-endpoints.ts` and `api-endpoints.ts` how to present a thing and what counts as accepted. The test presents every artifact of one tenant at every
 * endpoint of the other; a new artifact or endpoint is one more entry.
 *
 * An endpoint names the artifacts that it `takes`: presented to the tenant that issued them they are accepted, which shows that a refusal
 * elsewhere is because of the tenant and nothing else.
 */
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { basic } from '../../support/onboarding.ts';
import { apiEndpoints } from './api-endpoints.ts';
import { codeOutcome, type Endpoint, isRedirectTo, okOutcome } from './outcome.ts';
import { pageEndpoints } from './page-endpoints.ts';
import { ordersApi, type Party, redirectUri } from './party.ts';
import {
  askToken,
  bearer,
  type ClientCredentials,
  cookie,
  createProofKey,
  introspect,
  openAuthorization,
  prove,
  push,
  redeem,
  send,
} from './requests.ts';

export const endpoints: readonly Endpoint[] = [
  {
    name: 'auth, as cookie',
    takes: ['session cookie'],
    present: async (at, { value }) => codeOutcome(await openAuthorization(at, { prompt: 'none' }, value)),
  },
  {
    name: 'auth, as request_uri',
    takes: ['pushed request_uri'],
    async present({ issuer }, { value }) {
      const query = new URLSearchParams({ client_id: 'app', request_uri: value });
      const answer = await send(`${issuer}/auth?${query}`);
      return { status: answer.status, accepted: isRedirectTo(answer, '/interaction/') };
    },
  },
  {
    name: 'auth, as id_token_hint',
    takes: ['ID token'],
    async present(at, { value }) {
      const cookies = await at.browser.jar.getCookieString(at.issuer);
      return codeOutcome(await openAuthorization(at, { prompt: 'none', id_token_hint: value }, cookies));
    },
  },
  {
    name: 'resume, as cookie',
    takes: ['interaction cookie'],
    async present({ issuer }, { value, uid = 'none' }) {
      const answer = await send(`${issuer}/auth/${uid}`, { headers: cookie(value) });
      return { status: answer.status, accepted: answer.status === 303 };
    },
  },
  {
    name: 'interaction page',
    takes: ['interaction cookie'],
    async present({ issuer }, { value, uid = 'none' }) {
      const { status } = await send(`${issuer}/interaction/${uid}`, { headers: cookie(value) });
      return { status, accepted: status === 200 };
    },
  },
  {
    name: 'sign-in form',
    takes: ['interaction cookie'],
    async present({ issuer, admin }, { value, uid = 'none', csrf = value }) {
      const form = { csrf, ...admin };
      const answer = await send(`${issuer}/interaction/${uid}/sign-in`, { headers: cookie(value), form });
      return { status: answer.status, accepted: answer.status === 303 };
    },
  },
  {
    name: 'token, as code',
    takes: ['authorization code'],
    present: async (at, artifact) => okOutcome(await redeem(at, artifact)),
  },
  {
    name: 'token, as refresh_token',
    takes: ['refresh token'],
    async present(at, { value }) {
      const form = { grant_type: 'refresh_token', refresh_token: value };
      return okOutcome(await askToken(at, { form }));
    },
  },
  {
    name: 'token, as client_secret',
    takes: ['secret of a machine'],
    async present(at, { value }) {
      const form = { grant_type: 'client_credentials', client_id: 'robot', client_secret: value };
      return okOutcome(await send(`${at.issuer}/token`, { form }));
    },
  },
  {
    name: 'token, as device_code',
    takes: ['device code'],
    async present({ issuer }, { value }) {
      const grantType = 'urn:ietf:params:oauth:grant-type:device_code';
      const form = { grant_type: grantType, client_id: 'television', device_code: value };
      const { status, body } = await send(`${issuer}/token`, { form });
      // Known, and nobody has said anything about it yet.
      return { status, accepted: status === 200 || body.error === 'authorization_pending' };
    },
  },
  {
    name: 'registration, as initial access token',
    takes: ['initial access token'],
    async present({ issuer }, { value }) {
      const json = { client_name: 'Planted', redirect_uris: [redirectUri] };
      return okOutcome(await send(`${issuer}/reg`, { headers: bearer(value), json }));
    },
  },
  {
    name: 'a client’s own registration',
    takes: ['registration access token'],
    present: async ({ issuer }, { value, clientId = 'app' }) =>
      okOutcome(await send(`${issuer}/reg/${clientId}`, { headers: bearer(value) })),
  },
  {
    name: 'PAR, as client_secret',
    takes: ['secret of a web client'],
    async present(at, { value }) {
      const { status, body } = await push(at, value);
      return { status, accepted: body.request_uri !== undefined };
    },
  },
  {
    name: 'introspection, as client_secret',
    takes: ['secret of a web client', 'secret of a machine'],
    async present(at, { value }) {
      const answers = await Promise.all(['app', 'robot'].map((id) => introspect(at, 'unknown', [id, value])));
      const accepted = answers.find(({ status }) => status === 200);
      return { status: (accepted ?? answers[0])?.status ?? 0, accepted: accepted !== undefined };
    },
  },
  {
    name: 'userinfo, Bearer',
    takes: ['access token, opaque'],
    async present({ issuer }, { value }) {
      return okOutcome(await send(`${issuer}/me`, { headers: { authorization: `Bearer ${value}` } }));
    },
  },
  {
    name: 'userinfo, DPoP',
    takes: ['access token, DPoP-bound'],
    async present({ issuer }, { value, key }) {
      const proofKey = key ?? (await createProofKey());
      const dpop = await prove(proofKey, { method: 'GET', url: `${issuer}/me`, accessToken: value });
      return okOutcome(await send(`${issuer}/me`, { headers: { authorization: `DPoP ${value}`, dpop } }));
    },
  },
  {
    name: 'an API of the tenant',
    takes: ['access token, JWT'],
    async present({ issuer }, { value }) {
      const jwks = createRemoteJWKSet(new URL(`${issuer}/jwks`));
      const expected = { issuer, audience: ordersApi.indicator, typ: 'at+jwt' };
      const accepted = await jwtVerify(value, jwks, expected).then(
        () => true,
        () => false,
      );
      return { status: accepted ? 200 : 401, accepted };
    },
  },
  {
    name: 'introspection',
    takes: ['access token, opaque', 'access token, DPoP-bound', 'access token of a machine', 'refresh token'],
    async present(at, { value }) {
      const answers = await Promise.all([introspect(at, value), introspect(at, value, robotOf(at))]);
      return { status: answers[0].status, accepted: answers.some(({ body }) => body.active === true) };
    },
  },
  {
    name: 'revocation',
    takes: ['access token, opaque', 'access token, DPoP-bound', 'refresh token'],
    async present(at, { value }, owner) {
      const wasActive = (await introspect(owner, value)).body.active;
      const headers = { authorization: basic('app', at.appSecret) };
      // An unknown token is answered like a revoked one (RFC 7009, 2.2): what counts is whether its owner can still use it.
      const { status } = await send(`${at.issuer}/token/revocation`, { headers, form: { token: value } });
      return { status, accepted: wasActive !== (await introspect(owner, value)).body.active };
    },
  },
  {
    name: 'sign-out, as id_token_hint',
    takes: ['ID token'],
    async present({ issuer }, { value }) {
      return okOutcome(await send(`${issuer}/session/end?${new URLSearchParams({ id_token_hint: value })}`));
    },
  },
  {
    name: 'sign-out, as cookie',
    takes: ['session cookie'],
    async present(at, { value }, owner) {
      const wasAlive = await isSession(owner, value);
      const page = await send(`${at.issuer}/session/end`, { headers: cookie(value) });
      const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(page.text) ?? [];
      const form = { xsrf, logout: 'yes' };
      const { status } = await send(`${at.issuer}/session/end/confirm`, { headers: cookie(value), form });
      return { status, accepted: wasAlive !== (await isSession(owner, value)) };
    },
  },
  ...pageEndpoints,
  ...apiEndpoints,
];

async function isSession(party: Party, value: string): Promise<boolean> {
  return codeOutcome(await openAuthorization(party, { prompt: 'none' }, value)).accepted;
}

function robotOf({ robotSecret }: Party): ClientCredentials {
  return ['robot', robotSecret];
}
