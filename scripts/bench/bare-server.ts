/**
 * The baseline: oidc-provider alone behind Node's HTTP server. It has the policy of our tenants, two clients in its configuration, an ES256
 * key in its memory, and keeps everything it stores in a `Map`: no network, no clean-up, no limit. (The provider's own memory adapter keeps
 * 1,000 entries, fewer than a round makes.)
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { type Adapter, type AdapterPayload, type Configuration, Provider } from 'oidc-provider';
import type { ClientRecord } from '../../src/clients/clients.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import type { TenantRecord } from '../../src/kernel/tenant.ts';
import { toClientMetadata } from '../../src/oidc/client-metadata.ts';
import { createProviderConfiguration } from '../../src/oidc/provider-configuration.ts';
import { type BenchClient, jwtResource, jwtScope } from './flows.ts';
import { serveParent } from './measured-server.ts';
import { callback } from './sign-in.ts';

export interface BareFacts {
  origin: string;
  machine: BenchClient;
  web: BenchClient;
}

const server = createServer();
const announce = serveParent<BareFacts>({
  storeCalls: {},
  async stop() {
    server.closeAllConnections();
    server.close();
  },
});

const machine: BenchClient = {
  clientId: 'bench-machine',
  clientSecret: 'machine-secret-0123456789abcdef0123456789',
};
const web: BenchClient = { clientId: 'bench-web', clientSecret: 'web-secret-0123456789abcdef0123456789abcd' };

const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
const publicJwk = { ...(await exportJWK(publicKey)), kid: 'key-1', alg: 'ES256', use: 'sig' };
const at = new Date().toISOString();
const record: TenantRecord = {
  id: 'ten_bench' as TenantId,
  slug: 'bench' as Slug,
  name: 'Bench',
  kind: 'tenant',
  status: 'active',
  configVersion: 1,
  tableName: '',
  signingKeys: [{ kid: 'key-1', alg: 'ES256', state: 'active', reference: '', publicJwk, createdAt: at }],
  sealedCookieKeys: '',
  provisioning: { state: 'active', steps: [] },
  createdAt: at,
  updatedAt: at,
};
const clientDefaults = {
  name: 'Bench',
  enabled: true,
  postLogoutRedirectUris: [],
  createdAt: at,
  updatedAt: at,
};
const clients: [ClientRecord, string][] = [
  [
    { ...clientDefaults, clientId: machine.clientId, type: 'm2m', redirectUris: [], scopes: [jwtScope] },
    machine.clientSecret,
  ],
  [
    { ...clientDefaults, clientId: web.clientId, type: 'web', redirectUris: [callback], scopes: [] },
    web.clientSecret,
  ],
];

const sessionRules = {
  timeoutSeconds: 3600,
  absoluteTimeoutSeconds: 43_200,
  extendOnActivity: true,
  maxConcurrent: 100,
};

const policy = createProviderConfiguration({
  record,
  issuer: `http://127.0.0.1/${record.slug}`,
  adapter: createMapAdapterFactory(),
  signingKeys: [],
  cookieKeys: ['bench-cookie-key'],
  resourceServers: {
    describe: async () => ({
      audience: jwtResource,
      scope: jwtScope,
      accessTokenFormat: 'jwt',
      accessTokenTTL: 600,
    }),
    isByRole: async () => false,
    mayIntrospect: async () => false,
  },
  hooks: createHooks(),
  sessionTtl: () => 3600,
  pairwiseSubject: () => Promise.reject(new Error('no client of the benchmark has pairwise subjects')),
  fetch: () => Promise.reject(new Error('no client of the benchmark names an address')),
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
const provider = new Provider(origin, {
  ...policy,
  jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'key-1', alg: 'ES256', use: 'sig' }] },
  cookies: { keys: ['bench-cookie-key'] },
  clients: clients.flatMap(([client, secret]) => toClientMetadata(client, [secret]) ?? []),
  features: { ...policy.features, externalSigningSupport: { enabled: false } },
});
const answer = provider.callback();
server.on('request', (request, response) => {
  if (!request.url?.startsWith('/interaction/')) {
    answer(request, response);
    return;
  }
  // Nobody is asked anything: signing in is not what is measured.
  provider
    .interactionDetails(request, response)
    .then(({ prompt }) =>
      provider.interactionFinished(
        request,
        response,
        prompt.name === 'login' ? { login: { accountId: 'acc_bench' } } : { consent: {} },
      ),
    )
    .catch((error: unknown) => response.destroy(error as Error));
});

announce({ origin, machine, web });

function createHooks(): Parameters<typeof createProviderConfiguration>[0]['hooks'] {
  return {
    findAccount: async (_context, sub) => ({
      accountId: sub,
      claims: () => ({ sub, email: 'ada@example.com', email_verified: true, name: 'Ada', roles: ['Admin'] }),
    }),
    roleScopesOf: async () => undefined,
    extraTokenClaims: async () => undefined,
    async loadExistingGrant({ oidc }) {
      const { client, session, provider } = oidc;
      if (!client || !session?.accountId) {
        return undefined;
      }
      const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
      grant.addOIDCScope([...oidc.requestParamScopes].join(' '));
      await grant.save();
      return grant;
    },
    renderHandOver() {},
    renderNotFound() {},
    renderError(context, out) {
      context.body = out;
    },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` } as NonNullable<
      Configuration['interactions']
    >,
    claims: {
      openid: ['sub', 'amr'],
      email: ['email', 'email_verified'],
      profile: ['name'],
      roles: ['roles'],
    },
    logoutSource() {},
    postLogoutSuccessSource() {},
    extraParams: {},
    devicePages: { userCodeInputSource() {}, userCodeConfirmSource() {}, successSource() {} },
    sessionRules,
    sessionRulesOf: async () => sessionRules,
    describeOrigin: async () => ({ network: '', device: '', applicationTenantId: 'default' }),
    admitsNetwork: async () => true,
  };
}

function createMapAdapterFactory(): (model: string) => Adapter {
  const byUid = new Map<string, string>();
  return (model) => {
    const payloads = new Map<string, AdapterPayload>();
    return {
      async upsert(id, payload) {
        payloads.set(id, payload);
        if (model === 'Session' && payload.uid !== undefined) {
          byUid.set(payload.uid, id);
        }
      },
      find: async (id) => payloads.get(id),
      findByUid: async (uid) => payloads.get(byUid.get(uid) ?? ''),
      findByUserCode: async () => undefined,
      async consume(id) {
        const payload = payloads.get(id);
        if (payload) {
          payload.consumed = Math.floor(Date.now() / 1000);
        }
      },
      async destroy(id) {
        payloads.delete(id);
      },
      async revokeByGrantId(grantId) {
        for (const [id, payload] of payloads) {
          if (payload.grantId === grantId) payloads.delete(id);
        }
      },
    };
  };
}
