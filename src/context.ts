/**
 * The composition root: makes every part from the settings and the opened resources, and hands each exactly what it uses. Nothing else knows
 * which adapter stands behind a port. Owns no resource but the table client's connections and the tenant pool.
 */
import { join } from 'node:path';
import type Koa from 'koa';
import { createAdminApp } from './admin/admin-app.ts';
import type { InspectAnswer } from './admin/check-answer.ts';
import { bootstrapPlatform } from './bootstrap.ts';
import { createTxtLookup } from './cloud/dns/txt-lookup.ts';
import type { OnKmsCall } from './cloud/keys/kms-call.ts';
import { resourceTags } from './cloud/resource-owner.ts';
import { createDynamodbTables } from './cloud/tables/dynamodb.ts';
import type { OnCall } from './cloud/tables/dynamodb-call.ts';
import { openDeliveries } from './deliveries.ts';
import { createEvidence } from './evidence.ts';
import { createGovernance } from './governance.ts';
import { createHost, createWorkerHost } from './host.ts';
import { createActivityLogs } from './identity/activity-log.ts';
import { createMailDispatch } from './identity/mail-dispatch.ts';
import { createProcessLimits } from './identity/process-limits.ts';
import { maxSessionTimeoutSeconds } from './identity/security-policy.ts';
import { openInfrastructure } from './infrastructure.ts';
import { type Clock, systemClock } from './kernel/clock.ts';
import { type Random, systemRandom } from './kernel/random.ts';
import { platformSlug } from './kernel/slug.ts';
import { openKeyStore } from './key-store.ts';
import { createMailSweep } from './mail-sweep.ts';
import { createTenantRuntimeFactory } from './oidc/build-tenant-runtime.ts';
import { createTenantPagesFactory } from './oidc/interactions/tenant-pages.ts';
import { recountSchedule } from './oidc/recount-job.ts';
import { createLogoutDelivery } from './oidc/sessions/logout-delivery.ts';
import { longestTokenSeconds } from './oidc/token-lifetimes.ts';
import { createRegistrations } from './onboarding/registrations.ts';
import { createPeopleParts } from './people.ts';
import { watchControlPlane } from './platform/control-plane-metrics.ts';
import { createMetrics, type Metrics } from './platform/metrics.ts';
import { watchQuotas } from './platform/quota-metrics.ts';
import type { Settings } from './platform/settings.ts';
import { offeredFeatures } from './provisioning/infrastructure.ts';
import { createProvisioning } from './provisioning/provision-tenant.ts';
import type { OnSagaPoint } from './provisioning/saga.ts';
import type { Resources } from './resources.ts';
import { createDirectory } from './tenancy/directory.ts';
import { createKeyJob, keyJobSchedule } from './tenancy/key-jobs.ts';
import type { KeyTimings } from './tenancy/key-timings.ts';
import { createRehearsal } from './tenancy/rehearse-tenant.ts';
import { createKeyRevocations } from './tenancy/revoke-keys.ts';
import { createKeyRotation } from './tenancy/rotate-keys.ts';
import { createTenantChanges } from './tenancy/tenant-changes.ts';
import { createTenantHost } from './tenancy/tenant-host.ts';
import { createTenantPool, maxUnconfirmedSeconds } from './tenancy/tenant-pool.ts';
import type { BuildTenantRuntime } from './tenancy/tenant-runtime.ts';
import { openUpstreams } from './upstreams.ts';
import { createUsage } from './usage.ts';
import { createAssets } from './web/assets.ts';
import { createClientIpReader } from './web/client-ip.ts';
import { createHostPages } from './web/host-pages.ts';
import { createRateLimit } from './web/rate-limit.ts';
import { createRenderer } from './web/render.ts';
import { createJobHandlers } from './workers.ts';

export interface Context {
  app: Koa;
  /** What a process with `MODE=work` answers: probes of its health. */
  workerApp: Koa;
  metrics: Pick<Metrics, 'registry'>;
  /** First-start work, then the workers if this process has any. Resolves when requests can be answered. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** What tests and benchmarks replace; production passes none. */
export interface ContextOverrides {
  clock?: Clock;
  random?: Random;
  /** Sees every call to the tables' store. */
  onTableCall?: OnCall;
  /** Sees every call to KMS. */
  onKmsCall?: OnKmsCall;
  /** Sees every point of a provisioning run, and may end the process there. */
  onProvisioningPoint?: OnSagaPoint;
  /** Sees every answer of the admin API. */
  inspectAnswer?: InspectAnswer;
  /** Shorter lives of keys than the settings give. */
  keyTimings?: Partial<KeyTimings>;
}

/** How far the clocks of the deployment's processes and of clients may be off. */
const clockToleranceSeconds = 5;

const viewsDirectory = join(import.meta.dirname, '..', 'views');

export async function createContext(
  settings: Settings,
  resources: Resources,
  overrides: ContextOverrides,
): Promise<Context> {
  const {
    clock = systemClock,
    random = systemRandom,
    onTableCall,
    onKmsCall,
    onProvisioningPoint,
  } = overrides;
  const { log, postgres, queue } = resources;
  const { publicUrl, tablePrefix, dataDir, oauthTeamEmail } = settings;

  const metrics = createMetrics();
  watchControlPlane(metrics, postgres);
  const tables = createDynamodbTables({
    ...resources.dynamodb,
    log,
    onCall(call) {
      metrics.tableCalled(call.operation);
      onTableCall?.(call);
    },
  });
  const directoryTable = `${tablePrefix}-directory`;
  const keysTable = `${tablePrefix}-keys`;
  const directory = createDirectory({ table: tables.open(directoryTable), clock });
  const keyStore = openKeyStore({
    settings,
    masterKey: resources.masterKey,
    table: tables.open(keysTable),
    random,
    clock,
    log,
    ...(onKmsCall === undefined ? {} : { onCall: onKmsCall }),
  });
  const infrastructure = openInfrastructure({ ...resources, settings, tables, random });
  metrics.watchKms(keyStore.usage);
  // Whoever serves has no right to list anything. How many tenants there are stands in PostgreSQL.
  if (settings.mode !== 'serve') {
    watchQuotas(
      metrics,
      infrastructure.quotas.filter(({ resource }) => resource !== 'tenants'),
      log,
    );
  }
  const deliveries = openDeliveries({
    settings,
    postgres,
    keyStore,
    clock,
    random,
    log,
    onAttempt: metrics.messageTried,
  });
  const { mailer, postMail, webhooks, outbound, tenantOutbound, outbox } = deliveries;
  const evidence = createEvidence({
    postgres,
    directory,
    tables,
    keyStore,
    publicUrl,
    clock,
    log,
    onVerified: metrics.auditVerified,
  });
  const { statements, checkpoints } = evidence;

  const assets = createAssets({ directory: join(viewsDirectory, 'assets') });
  const render = createRenderer({ viewsDirectory, assets });
  const readClientIp = createClientIpReader({ trustedProxyHops: settings.trustProxy });

  const mailDispatch = createMailDispatch({ log });
  const logoutDelivery = createLogoutDelivery({ outbound: tenantOutbound });
  const activityLogs = createActivityLogs({
    ...settings.activity,
    dispatch: mailDispatch,
    readClientIp,
    clock,
    random,
    log,
  });
  const upstreams = openUpstreams({ settings, clock });
  const usage = createUsage({ postgres, clock, log, flushSeconds: settings.usageFlushSeconds });
  const build: BuildTenantRuntime = createTenantRuntimeFactory({
    tables,
    keyStore,
    publicUrl,
    jwksCacheSeconds: settings.jwksCacheSeconds,
    outbound: tenantOutbound,
    clock,
    random,
    log,
    pages: createTenantPagesFactory({
      render,
      readClientIp,
      safeguards: {
        processLimits: createProcessLimits({ attemptsPerMinute: settings.signInAttemptsPerMinute }),
        freeFailures: settings.signInFreeFailures,
        mailServer: deliveries.mailServer,
        mailDispatch,
      },
      upstreams,
      onSignInTried: metrics.signInTried,
    }),
    logoutDelivery,
    activityLogs,
    onTokenAnswer: metrics.tokensAnswered,
    usage,
    onKeyUnusable: (slug) => pool.invalidate(slug),
  });
  const pool = createTenantPool({
    directory,
    build,
    clock,
    log,
    max: settings.tenantPoolMax,
    revalidateSeconds: settings.tenantRevalidateSeconds,
    negativeSeconds: settings.tenantNegativeSeconds,
    onLookedUp: metrics.tenantLookedUp,
  });
  metrics.watchPool(pool.size);
  const tenantChanges = createTenantChanges({ postgres, pool, log });
  const onTenantChanged = tenantChanges.announce;

  const onboarding = { postgres, queue, directory, tables, mailer, clock, random, publicUrl, oauthTeamEmail };
  const registrations = createRegistrations({ ...onboarding, postMail, approval: settings.approval });
  const building = {
    ...onboarding,
    postMail,
    tablePrefix,
    keyStore,
    infrastructure,
    needsKmsKey: resources.dynamodb.encryptionKey !== undefined,
    log,
    onStatusChanged: onTenantChanged,
  };
  const provisioning = createProvisioning({
    ...building,
    signingAlgorithm: settings.signingAlgorithm,
    validation: settings.validation,
    compliance: settings.compliance,
    statements,
    observer: metrics,
    rehearse: createRehearsal({ build, publicUrl, clock, log }),
    policyFloor: settings.policyFloor,
    patienceSeconds: settings.provisioningPatienceSeconds,
    ...(onProvisioningPoint === undefined ? {} : { onPoint: onProvisioningPoint }),
  });
  const governance = createGovernance({
    ...building,
    settings,
    reconcileHours: settings.infrastructure.reconcileHours,
    steps: provisioning.steps,
  });

  const people = createPeopleParts({
    directory,
    tables,
    keyStore,
    logoutDelivery,
    usage,
    postgres,
    queue,
    publicUrl,
    clock,
    random,
    log,
  });

  const keyTimings: KeyTimings = {
    rotationSeconds: settings.keyRotationDays * 86_400,
    jwksCacheSeconds: settings.jwksCacheSeconds,
    revalidateSeconds: settings.tenantRevalidateSeconds,
    unconfirmedSeconds: maxUnconfirmedSeconds,
    longestTokenSeconds,
    longestCookieSeconds: maxSessionTimeoutSeconds,
    clockToleranceSeconds,
    ...overrides.keyTimings,
  };
  const keyParts = {
    directory,
    keyStore,
    postgres,
    timings: keyTimings,
    clock,
    random,
    onTenantChanged,
  };
  const keyRotation = createKeyRotation(keyParts);
  const keyRevocations = createKeyRevocations({ ...keyParts, rotation: keyRotation, log });

  const mailSweep = createMailSweep({
    directory,
    tables,
    keyStore,
    mailer: deliveries.mailServer,
    clock,
    random,
    log,
  });

  const probed = {
    publicUrl,
    log,
    clock,
    random,
    readClientIp,
    onAnswered: metrics.requestAnswered,
    // PostgreSQL is not asked: without it the control plane rests, and sign-in goes on.
    ready: async () => (await directory.get(platformSlug))?.status === 'active',
    pages: createHostPages({ render, publicUrl }),
  };
  const app = createHost({
    ...probed,
    adminApp: createAdminApp({
      keyStore,
      upstreams,
      postgres,
      queue,
      registrations,
      directory,
      tables,
      keyRotation,
      keyRevocations,
      keyTimings,
      ...governance,
      policyFloor: settings.policyFloor,
      offers: offeredFeatures(infrastructure),
      keyModes: keyStore.modes,
      checkpoints,
      statements,
      webhooks,
      webhooksOf: deliveries.webhooksOf,
      outbound,
      tenantOutbound,
      outbox,
      publicUrl,
      clock,
      random,
      readClientIp,
      render,
      postMail,
      lookUpTxt: createTxtLookup(),
      accountAccess: people.accountAccess,
      usage,
      activityLogs,
      registrationLimit: createRateLimit({ points: settings.registrationsPerHour, durationSeconds: 3_600 }),
      onTenantChanged,
      ...(overrides.inspectAnswer === undefined ? {} : { inspectAnswer: overrides.inspectAnswer }),
    }),
    tenantHost: createTenantHost({ pool }),
    assets: assets.middleware,
  });

  return {
    app,
    workerApp: createWorkerHost(probed),
    metrics,
    async start() {
      tenantChanges.start();
      usage.start();
      mailDispatch.start();
      if (settings.mode === 'serve') {
        // Whoever works makes tables, keys and the platform tenant; a process that serves needs no right to make anything.
        return;
      }
      for (const name of [directoryTable, keysTable]) {
        await tables.create(name, { [resourceTags.deployment]: tablePrefix });
      }
      if (settings.database.kind === 'embedded') {
        await provisioning.releaseAbandonedRuns();
      }
      await bootstrapPlatform({ ...onboarding, provisioning, dataDirectory: dataDir });
      const tenantKeys = createKeyJob({ directory, rotation: keyRotation, log });
      await queue.work(
        createJobHandlers({
          registrations,
          provisioning,
          tenantKeys,
          governance: governance.jobs,
          people: people.jobs,
        }),
      );
      await queue.schedule('tenant-keys', keyJobSchedule, {});
      await queue.schedule('tenant-recount', recountSchedule, {});
      await governance.schedule();
      evidence.start();
      outbox.start();
      mailSweep.start();
    },
    async stop() {
      await queue.stop();
      await Promise.all([mailDispatch.stop(), mailSweep.stop(), logoutDelivery.stop()]);
      await Promise.all([evidence.stop(), deliveries.close(), tenantChanges.stop()]);
      await pool.close();
      await usage.stop();
      infrastructure.close();
      keyStore.close();
      tables.close();
    },
  };
}
