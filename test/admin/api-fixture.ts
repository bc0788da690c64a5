import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import supertest from 'supertest';
import { type AdminAppDependencies, createAdminApp, createRouteGroups } from '../../src/admin/admin-app.ts';

import { createCheckpoints } from '../../src/audit/checkpoints.ts';
import { createStatements } from '../../src/audit/statements.ts';
import { createClients } from '../../src/clients/clients.ts';
import { createOutbound } from '../../src/cloud/http/outbound.ts';
import { createLocalKeyStore } from '../../src/cloud/keys/local.ts';
import type { Mail } from '../../src/cloud/mail/port.ts';
import { createGovernance } from '../../src/governance.ts';
import { createActivityLogs, type Happening, type HappeningOrigin } from '../../src/identity/activity-log.ts';
import { adminScopes, defaultTenantRoles, tenantScopes } from '../../src/identity/admin-scopes.ts';
import { createMailDispatch } from '../../src/identity/mail-dispatch.ts';
import { openPeople } from '../../src/identity/people.ts';
import { createRoles } from '../../src/identity/roles.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import { randomId, systemRandom } from '../../src/kernel/random.ts';
import { platformSlug } from '../../src/kernel/slug.ts';
import type { TenantRecord } from '../../src/kernel/tenant.ts';
import { createWebhooks } from '../../src/outbox/webhooks.ts';
import { createPeopleParts } from '../../src/people.ts';
import { createKeyRevocations } from '../../src/tenancy/revoke-keys.ts';
import { createKeyRotation } from '../../src/tenancy/rotate-keys.ts';
import { openUpstreams } from '../../src/upstreams.ts';
import { createUsage } from '../../src/usage.ts';
import { createAssets } from '../../src/web/assets.ts';
import { createClientIpReader } from '../../src/web/client-ip.ts';
import { answerErrors } from '../../src/web/problem.ts';
import { createRateLimit } from '../../src/web/rate-limit.ts';
import { createRenderer } from '../../src/web/render.ts';
import { assignRequestId } from '../../src/web/request-id.ts';
import { createOnboarding, directoryRecord, publicUrl } from '../onboarding/onboarding-fixture.ts';
import { inspectAnswers } from '../support/inspect-answers.ts';
import { createTestTables, silentLog, testTablePrefix } from '../support/services.ts';
import { keyTimings } from '../tenancy/key-fixture.ts';

const epoch = (ms: number) => Math.floor(ms / 1000);

export interface TokenOptions {
  issuer?: string;
  subject?: string;
  clientId?: string;
  scope?: string;
  header?: Record<string, unknown>;
  claims?: Record<string, unknown>;
  /** The tenant whose key signs; the issuer's own when absent. */
  signedBy?: string;
}

/** The admin API behind a real HTTP server, with the platform tenant and two active tenants, `acme` and `globex`. */
export async function createApi({ registrationsPerHour = 1000 } = {}) {
  const onboarding = await createOnboarding();
  const { postgres, directory, queue, registrations, clock } = onboarding;
  const tables = createTestTables();
  const prefix = testTablePrefix();
  await tables.create(`${prefix}-keys`);
  const keyStore = createLocalKeyStore({
    table: tables.open(`${prefix}-keys`),
    masterKey: randomBytes(32),
    random: systemRandom,
    clock,
  });

  async function giveKey(slug: string): Promise<void> {
    const record = await recordOf(slug);
    const key = await keyStore.forTenant(record.id).create('key-1', 'ES256');
    await directory.update(record.slug, record.id, (before) => ({
      ...before,
      signingKeys: [{ kid: 'key-1', alg: 'ES256', state: 'active', createdAt: before.createdAt, ...key }],
    }));
  }

  async function addTenant(slug: string): Promise<void> {
    const order = await postgres.transaction((transaction) =>
      registrations.createTenant(transaction, {
        source: 'operator',
        slug: slug as Slug,
        request: { name: slug, features: {}, securityPolicy: {}, redirectUris: [], clientType: 'web' },
        actor: { kind: 'client', id: 'fixture' },
      }),
    );
    const tableName = `${prefix}-tenant-${slug}`;
    await tables.create(tableName);
    await directory.reserve(directoryRecord(slug, { id: order.tenantId, tableName }));
    await postgres.query(
      `update tenants set status = 'active', provisioning_state = 'active', activated_at = now() where id = $1`,
      [order.tenantId],
    );
    await giveKey(slug);
    for (const role of defaultTenantRoles) {
      await createRoles({ table: tables.open(tableName) }).put(role);
    }
  }

  async function recordOf(slug: string): Promise<TenantRecord> {
    const record = await directory.get(slug as Slug);
    if (record === undefined) {
      throw new Error(`no tenant ${slug}`);
    }
    return record;
  }

  async function partsOf(slug: string) {
    const table = tables.open((await recordOf(slug)).tableName);
    const shared = { table, clock, random: systemRandom };
    return { clients: createClients(shared), table, ...openPeople(shared) };
  }

  await Promise.all([addTenant('acme'), addTenant('globex'), giveKey(platformSlug)]);
  // Through which people sign in.
  for (const slug of ['acme', 'globex', platformSlug]) {
    const redirectUris = ['https://console.example/cb'];
    const { clients } = await partsOf(slug);
    await clients.create({ clientId: 'console', name: 'Console', type: 'web', redirectUris });
  }

  /** An access token as an issuer of ours makes it, or whatever the options turn it into. */
  async function token(options: TokenOptions = {}): Promise<string> {
    const { issuer = platformSlug, clientId = 'robot', subject = clientId, scope = '' } = options;
    const signer = await recordOf(options.signedBy ?? issuer);
    const key = signer.signingKeys.find(({ state }) => state === 'active');
    const now = epoch(clock.now());
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const input = [
      encode({ alg: 'ES256', typ: 'at+jwt', kid: key?.kid, ...options.header }),
      encode({
        iss: `${publicUrl.origin}/${issuer}`,
        aud: `${publicUrl.origin}/api`,
        sub: subject,
        client_id: clientId,
        iat: now,
        exp: now + 600,
        jti: randomId(systemRandom),
        scope,
        ...options.claims,
      }),
    ].join('.');
    const signature = await keyStore
      .forTenant(signer.id)
      .sign(key?.reference ?? '', 'ES256', Buffer.from(input));
    return `${input}.${Buffer.from(signature).toString('base64url')}`;
  }

  /** A client that acts for itself, and a token of it with all its scopes. */
  async function robot(
    issuer: string = platformSlug,
    scopes: readonly string[] = issuer === platformSlug ? adminScopes : tenantScopes,
  ): Promise<string> {
    const clientId = `robot-${systemRandom.bytes(6).toString('hex')}`;
    const { clients } = await partsOf(issuer);
    await clients.create({ clientId, name: 'Robot', type: 'm2m', scopes: [...scopes] });
    return token({ issuer, clientId, scope: scopes.join(' ') });
  }

  /** A person with roles, and a token that asks for every scope. */
  async function person(
    issuer: string,
    email: string,
    roles: readonly string[],
    applicationTenantId = 'default',
  ) {
    const { accounts } = await partsOf(issuer);
    const account = await accounts.create({
      email,
      name: email.split('@')[0] ?? '',
      roles,
      applicationTenantId,
    });
    const scope = adminScopes.join(' ');
    return { account, token: await token({ issuer, subject: account.id, clientId: 'console', scope }) };
  }

  const keyParts = {
    ...onboarding,
    keyStore,
    timings: keyTimings,
    random: systemRandom,
    onTenantChanged: () => {},
  };
  const keyRotation = createKeyRotation(keyParts);
  const keyRevocations = createKeyRevocations({ ...keyParts, rotation: keyRotation, log: silentLog });

  const statements = createStatements({
    findPlatform: () => directory.get(platformSlug),
    tables,
    keyStore,
    publicUrl,
    clock,
  });
  const checkpoints = createCheckpoints({
    db: postgres,
    openTable: async () => tables.open((await recordOf(platformSlug)).tableName),
    statements,
    clock,
    log: silentLog,
  });
  const sealer = keyStore.forTenant('deployment' as TenantId);
  const webhookParts = { db: postgres, sealer, clock, random: systemRandom };
  const webhooks = createWebhooks(webhookParts);

  const governance = createGovernance({
    settings: {
      reminderHours: 24,
      escalationHours: 72,
      orderExpiryDays: 0,
      deletionGraceDays: 30,
      oauthTeamEmail: 'oauth-team@operators.example',
      securityAdminEmail: 'security@operators.example',
      complianceOfficerEmail: 'compliance@operators.example',
      escalationEmail: 'admin@operators.example',
    },
    postgres,
    queue,
    directory,
    postMail: async () => {},
    publicUrl,
    clock,
    random: systemRandom,
    log: silentLog,
    onStatusChanged: () => {},
    reconcileHours: 0,
    tables,
    tablePrefix: 'test',
    keyStore,
    infrastructure: { quotas: [] },
    needsKmsKey: false,
    // Nothing is provisioned here: tenants are written down as they would be.
    steps: new Map(),
  });

  const usage = createUsage({ postgres, clock, log: silentLog, flushSeconds: 3_600 });
  const dispatch = createMailDispatch({ log: silentLog });
  const readClientIp = createClientIpReader({ trustedProxyHops: 1 });
  const activityLogs = createActivityLogs({
    days: 90,
    addresses: 'full',
    dispatch,
    readClientIp,
    clock,
    random: systemRandom,
    log: silentLog,
  });
  const mails: Mail[] = [];
  const dns = new Map<string, string[]>();
  const outside = new Map<string, { status: number; body: string }>();
  const tenantOutbound = createOutbound({ allowedHosts: ['keys.internal'] });
  let dnsAnswers: Promise<void> = Promise.resolve();
  const people = createPeopleParts({
    directory,
    tables,
    keyStore,
    logoutDelivery: { run: () => {} },
    usage,
    postgres,
    queue,
    publicUrl,
    clock,
    random: systemRandom,
    log: silentLog,
  });

  const parts: AdminAppDependencies = {
    keyStore,
    upstreams: openUpstreams({
      settings: { federation: { allowedPlaces: ['127.0.0.1'], plainLdap: true } },
      clock,
    }),
    postgres,
    queue,
    registrations,
    directory,
    tables,
    keyRotation,
    keyRevocations,
    keyTimings,
    keyModes: ['local'],
    offers: { storage: ['s3', 'postgresql'], hosting: [] },
    policyFloor: { minPasswordLength: 10, minPasswordClasses: 2, maxSessionSeconds: 86_400 },
    ...governance,
    checkpoints,
    statements,
    webhooks,
    webhooksOf: (owner: TenantId) => createWebhooks({ ...webhookParts, owner }),
    outbound: createOutbound({ allowedHosts: ['hooks.internal'] }),
    tenantOutbound: {
      ...tenantOutbound,
      request: async (sent) => outside.get(sent.url) ?? tenantOutbound.request(sent),
    },
    outbox: { wake: () => {} },
    publicUrl,
    clock,
    random: systemRandom,
    readClientIp,
    postMail: async (_transaction, _topic, mail) => {
      mails.push(mail);
    },
    async lookUpTxt(name) {
      await dnsAnswers;
      return dns.get(name) ?? [];
    },
    accountAccess: people.accountAccess,
    usage,
    activityLogs,
    registrationLimit: createRateLimit({ points: registrationsPerHour, durationSeconds: 3600 }),
    render: createRenderer({
      viewsDirectory: 'views',
      assets: createAssets({ directory: 'views/assets' }),
    }),
    inspectAnswer: inspectAnswers(),
  };
  const app = new Koa();
  app.use(assignRequestId({ random: systemRandom }));
  app.use(answerErrors({ log: silentLog, errorPage: () => 'page' }));
  app.use(createAdminApp(parts));
  const server = createServer(app.callback());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const http = supertest(server);

  return {
    ...onboarding,
    http,
    publicUrl,
    port: (server.address() as AddressInfo).port,
    /** Every endpoint, by what it is about. */
    groups: createRouteGroups(parts),
    tables,
    mails,
    dns,
    /** What other hosts answer, by address. */
    outside,
    /** Name servers are silent until this promise is kept. */
    holdDns(until: Promise<void>) {
      dnsAnswers = until;
    },
    peopleJobs: people.jobs,
    /** Works off an upload as a worker does, once. */
    runImport: (
      { id: importId, applicationTenantId }: { id: string; applicationTenantId: string },
      { slug = 'acme', signal = new AbortController().signal } = {},
    ) => people.jobs['user-import'].run({ slug: slug as Slug, applicationTenantId, importId }, signal),
    usage,
    /** As the pages of a tenant note it. */
    async noteActivity(slug: string, happening: Happening, origin: HappeningOrigin = {}) {
      activityLogs.of((await partsOf(slug)).table).note(happening, origin);
      await dispatch.stop();
    },
    recordOf,
    partsOf,
    keyStore,
    keyRotation,
    statements,
    checkpoints,
    webhooks,
    handlers: governance.jobs,
    token,
    robot,
    person,
    get: (path: string, bearer?: string) =>
      bearer === undefined ? http.get(path) : http.get(path).auth(bearer, { type: 'bearer' }),
    post: (path: string, body: object, bearer?: string) =>
      bearer === undefined
        ? http.post(path).send(body)
        : http.post(path).auth(bearer, { type: 'bearer' }).send(body),
    async close() {
      await new Promise((resolve) => server.close(resolve));
      await onboarding.close();
    },
  };
}

export type Api = Awaited<ReturnType<typeof createApi>>;
