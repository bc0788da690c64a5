import { join } from 'node:path';
import { createElbv2Balancer } from './cloud/balancer/elbv2.ts';
import { createRedisCaches } from './cloud/cache/redis.ts';
import { createPostgresDatabases } from './cloud/databases/postgres.ts';
import { createRoute53Dns } from './cloud/dns/route53.ts';
import { createEndpoints } from './cloud/http/endpoints.ts';
import { countDeploymentKeys, countKmsKeys } from './cloud/keys/count-kms-keys.ts';
import { createDiskObjects } from './cloud/objects/disk.ts';
import type { ObjectStorage } from './cloud/objects/port.ts';
import { createS3Objects } from './cloud/objects/s3.ts';
import { createEcsAdapter } from './cloud/service/ecs.ts';
import type { Tables } from './cloud/tables/port.ts';
import type { Random } from './kernel/random.ts';
import type { Secret } from './kernel/secret.ts';
import type { HostingSettings } from './platform/infrastructure-settings.ts';
import type { Log } from './platform/log.ts';
import type { Queryable } from './platform/postgres.ts';
import type { Settings } from './platform/settings.ts';
import { asks, type Hosting, type Infrastructure, type Quota } from './provisioning/infrastructure.ts';

export interface InfrastructureParts {
  settings: Pick<Settings, 'infrastructure' | 'kms' | 'dataDir' | 'tablePrefix'>;
  /** Of the control plane. */
  connectionString: Secret;
  postgres: Queryable;
  tables: Pick<Tables, 'list'>;
  random: Random;
  log: Log;
  /** Shorter waits, for tests against emulators. */
  timings?: {
    pollMs?: number;
    steadyMs?: number;
    healthyMs?: number;
    inSyncMs?: number;
    reachableMs?: number;
  };
}

/** What the settings say that tenants can be given besides their table and keys. Makes no call before it is used. */
export function openInfrastructure(parts: InfrastructureParts): Infrastructure & { close(): void } {
  const { settings, connectionString, random, log } = parts;
  const { database, redisUrl, hosting: hostingSettings } = settings.infrastructure;
  const closers: (() => void)[] = [];

  const databases =
    database.kind === 'none'
      ? undefined
      : createPostgresDatabases({
          kind: database.kind,
          adminUrl: database.adminUrl ?? connectionString,
          connectionLimit: database.connections,
          random,
          log,
        });
  const objects = openObjects(parts, closers);
  const caches = redisUrl && createRedisCaches({ url: redisUrl, deployment: settings.tablePrefix, log });
  const hosting = hostingSettings && openHosting(parts, hostingSettings, closers);
  const opened = {
    ...(databases === undefined ? {} : { databases }),
    ...(objects === undefined ? {} : { objects }),
    ...(caches === undefined ? {} : { caches }),
    ...(hosting === undefined ? {} : { hosting }),
  };
  return {
    ...opened,
    quotas: listQuotas(parts, opened),
    close() {
      for (const close of closers) {
        close();
      }
    },
  };
}

function openObjects(
  { settings: { infrastructure, dataDir, tablePrefix }, log }: InfrastructureParts,
  closers: (() => void)[],
): ObjectStorage | undefined {
  const { objects, s3, region } = infrastructure;
  if (objects.kind === 'none') {
    return undefined;
  }
  if (objects.kind === 'disk') {
    return createDiskObjects({ directory: join(dataDir, 'objects') });
  }
  const storage = createS3Objects({
    region,
    log,
    deployment: tablePrefix,
    layout: objects,
    ...(s3.endpoint === undefined ? {} : { endpoint: s3.endpoint }),
    ...(s3.kmsKey === undefined ? {} : { kmsKey: s3.kmsKey }),
  });
  closers.push(() => storage.close());
  return storage;
}

function openHosting(
  { settings: { infrastructure, tablePrefix: deployment }, random, log, timings = {} }: InfrastructureParts,
  { ecs, parts, balancer: elb, dns: route53, domain, endpointAddress }: HostingSettings,
  closers: (() => void)[],
): Hosting {
  const { region, s3 } = infrastructure;
  const at = (endpoint: string | undefined) => ({
    region,
    log,
    ...(endpoint === undefined ? {} : { endpoint }),
  });
  const services = createEcsAdapter({
    ...at(ecs.endpoint),
    cluster: ecs.cluster,
    templateServices: Object.fromEntries(parts.map(({ part, service }) => [part, service])),
    secretFiles: {
      bucket: ecs.secretsBucket,
      ...(s3.endpoint === undefined ? {} : { endpoint: s3.endpoint }),
      ...(s3.kmsKey === undefined ? {} : { kmsKey: s3.kmsKey }),
    },
    deployment,
    timings: { steadyMs: ecs.steadySeconds * 1_000, ...timings },
  });
  const balancer = createElbv2Balancer({
    ...at(elb.endpoint),
    listenerArn: elb.listenerArn,
    deployment,
    random,
    timings,
  });
  const dns =
    route53 && createRoute53Dns({ ...at(route53.endpoint), hostedZoneId: route53.hostedZoneId, timings });
  closers.push(
    () => services.close(),
    () => balancer.close(),
    () => dns?.close(),
  );
  const [addressHost, addressPort] = (endpointAddress ?? '').split(':');
  return {
    services,
    balancer,
    ...(dns === undefined ? {} : { dns }),
    endpoints: createEndpoints({ timings, ...(addressHost ? { address: { host: addressHost } } : {}) }),
    domain,
    parts,
    ...(addressPort === undefined ? {} : { port: Number(addressPort) }),
  };
}

function listQuotas(
  { settings: { infrastructure, kms, tablePrefix }, postgres, tables, log }: InfrastructureParts,
  { databases, objects, hosting }: Omit<Infrastructure, 'quotas'>,
): Quota[] {
  const { quotas: limits } = infrastructure;
  const always = () => 1;
  const perPart = (request: Parameters<Quota['needed']>[0]) =>
    asks.hosting(request) ? (hosting?.parts.length ?? 0) : 0;
  const quotas: Quota[] = [
    {
      resource: 'tenants',
      limit: limits.tenants,
      needed: always,
      used: () => countOtherTenants(postgres),
    },
    {
      resource: 'tables',
      limit: limits.tables,
      needed: always,
      used: async () => (await tables.list('')).length,
      usedHere: async () => (await tables.list(`${tablePrefix}-`)).filter(isOwnTable(tablePrefix)).length,
    },
  ];
  if (kms) {
    const { endpoint, region } = kms;
    const connection = { region, log, ...(endpoint === undefined ? {} : { endpoint }) };
    quotas.push({
      resource: 'KMS keys',
      limit: limits.keys,
      needed: always,
      used: () => countKmsKeys(connection),
      usedHere: () => countDeploymentKeys({ ...connection, prefix: tablePrefix }),
    });
  }
  if (databases) {
    quotas.push({
      resource: 'databases',
      limit: limits.databases,
      needed: (request) => Number(asks.database(request)),
      used: () => databases.used(),
    });
  }
  if (objects && infrastructure.objects.kind === 'bucket') {
    quotas.push({
      resource: 'buckets',
      limit: limits.buckets,
      needed: (request) => Number(asks.objects(request)),
      used: () => objects.used(),
    });
  }
  if (hosting) {
    const { services, balancer, dns } = hosting;
    quotas.push(
      {
        resource: 'target groups',
        limit: limits.targetGroups,
        needed: perPart,
        used: () => balancer.usedTargetGroups(),
      },
      { resource: 'listener rules', limit: limits.rules, needed: perPart, used: () => balancer.usedRules() },
      { resource: 'services', limit: limits.services, needed: perPart, used: () => services.used() },
    );
    if (dns) {
      // An alias for each kind of address, and the companion that says whose it is.
      quotas.push({
        resource: 'DNS records',
        limit: limits.dnsRecords,
        needed: (request) => (asks.hosting(request) ? 3 : 0),
        used: () => dns.used(),
      });
    }
  }
  return quotas;
}

/** Another deployment's prefix may begin with this one's. */
function isOwnTable(prefix: string): (name: string) => boolean {
  return (name) =>
    name.startsWith(`${prefix}-tenant-`) || [`${prefix}-directory`, `${prefix}-keys`].includes(name);
}

/** Without the one that is being provisioned, which is on record already. */
async function countOtherTenants(postgres: Queryable): Promise<number> {
  const { rows } = await postgres.query<{ count: number }>(
    `select count(*)::integer - 1 as count from tenants where status not in ('failed', 'deleted')`,
  );
  return rows[0]?.count ?? 0;
}
