import type { Secret } from '../kernel/secret.ts';
import {
  awsEndpoint,
  databaseUrl,
  matching,
  oneOf,
  redisUrl,
  type Setting,
  type SettingsProblem,
  type TemplatePartSetting,
  templateParts,
  wholeNumber,
} from './setting-kinds.ts';

const bucketName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const domainName = /^(?=.{3,200}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/;

const quota = (what: string, fallback: string) =>
  wholeNumber({
    min: 0,
    max: 100_000_000,
    fallback,
    description: `Most ${what} that provisioning may find in use and still begin with a tenant that needs one more.`,
  });

/** The part of the table of settings that says what tenants get besides their table and keys. */
export const infrastructureSettings = {
  TENANT_DATABASE: oneOf(['none', 'schema', 'database'], {
    otherwise: '`schema` with embedded PostgreSQL, else `none`',
    description:
      'What a tenant gets that asks for `postgresql`: a schema in one database that tenants share, or a database of its own. Always a role of its own.',
  }),
  TENANT_DATABASE_URL: databaseUrl({
    otherwise: 'the control plane’s PostgreSQL',
    description:
      'Administrator of the server of tenant databases: may create roles and databases. Best a server of its own.',
  }),
  TENANT_DATABASE_CONNECTIONS: wholeNumber({
    min: 1,
    max: 1_000,
    fallback: '20',
    description: 'Most connections that one tenant’s role may hold.',
  }),
  OBJECTS: oneOf(['none', 'disk', 'bucket', 'prefix'], {
    otherwise: '`disk` with embedded storage, else `none`',
    description:
      'What a tenant gets that asks for `s3`: a folder in `DATA_DIR/objects`, an S3 bucket of its own, or a prefix of the bucket `S3_BUCKET`.',
  }),
  S3_ENDPOINT: awsEndpoint({ fallback: 'aws', description: 'Where S3 is.' }),
  S3_BUCKET: matching(bucketName, 'the name of an S3 bucket', {
    otherwise: 'required with `OBJECTS=prefix`',
    description: 'The bucket that tenants share with `OBJECTS=prefix`; public access must be blocked.',
  }),
  S3_BUCKET_PREFIX: matching(/^[a-z][a-z0-9-]{1,11}[a-z0-9]$/, '3 to 13 lower-case letters, digits or `-`', {
    fallback: 'tenantry',
    description: 'Begins the name of every bucket with `OBJECTS=bucket`.',
  }),
  S3_KMS_KEY: matching(/^[\w:/.-]{1,2048}$/, 'the ARN, id or alias of a KMS key', {
    otherwise: 'keys of S3',
    description: 'KMS key that encrypts tenants’ objects and secrets in S3.',
  }),
  REDIS_URL: redisUrl({
    otherwise: 'no tenant gets a cache',
    description:
      'Administrator of the Redis server (7 or later, with an `aclfile`) in which a tenant gets a namespace that asks for `redis`.',
  }),
  RECONCILE_HOURS: oneOf(['0', '1', '2', '3', '4', '6', '8', '12', '24'], {
    fallback: '6',
    description:
      'How often what is recorded is compared with what exists. Reports only; repairs are asked for. `0`: only on demand.',
  }),
  ECS_ENDPOINT: awsEndpoint({ fallback: 'aws', description: 'Where ECS is.' }),
  ECS_CLUSTER: matching(/^[\w:/-]{1,512}$/, 'the name or ARN of an ECS cluster', {
    otherwise: 'no tenant gets services',
    description: 'Cluster of the template and of the services of tenants that ask for `ecs`.',
  }),
  ECS_TEMPLATE_SERVICES: templateParts({
    otherwise: 'required with `ECS_CLUSTER`',
    description:
      'The services that a tenant gets copies of. Requests for the tenant’s host go to the part whose path fits, else to the one without a path.',
  }),
  ECS_SECRETS_BUCKET: matching(bucketName, 'the name of an S3 bucket', {
    otherwise: 'required with `ECS_CLUSTER`',
    description:
      'Bucket in which the environment files with tenants’ secrets are kept; the template’s execution role must be able to read it, and nobody else should.',
  }),
  ECS_STEADY_SECONDS: wholeNumber({
    min: 10,
    max: 3_600,
    fallback: '600',
    description: 'How long a tenant’s services may take to become steady.',
  }),
  ELB_ENDPOINT: awsEndpoint({ fallback: 'aws', description: 'Where Elastic Load Balancing is.' }),
  ALB_LISTENER_ARN: matching(
    /^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:listener\/app\/[\w/-]{1,200}$/,
    'the ARN of a listener of an application load balancer',
    {
      otherwise: 'required with `ECS_CLUSTER`',
      description: 'Listener that gets the rules of tenants’ hosts.',
    },
  ),
  ROUTE53_ENDPOINT: awsEndpoint({ fallback: 'aws', description: 'Where Route 53 is.' }),
  HOSTED_ZONE_ID: matching(/^[A-Z0-9]{1,32}$/, 'the id of a hosted zone', {
    otherwise: 'no records are made: `TENANT_DOMAIN` has a wildcard record',
    description: 'Hosted zone of `TENANT_DOMAIN`.',
  }),
  TENANT_DOMAIN: matching(domainName, 'a domain in lower case such as `apps.example.com`', {
    otherwise: 'required with `ECS_CLUSTER`',
    description: 'A tenant’s services answer at `<slug>.<TENANT_DOMAIN>`.',
  }),
  TENANT_ENDPOINT_ADDRESS: matching(/^[\w.-]+(:\d{1,5})?$/, '`host` or `host:port`', {
    otherwise: 'what DNS says, which must be on the public internet and speak TLS',
    description:
      'Where the health check reaches tenants’ hosts, for a load balancer that only the own network reaches.',
  }),
  QUOTA_TENANTS: quota('live tenants', '100000'),
  QUOTA_TABLES: quota('DynamoDB tables in the account and region', '2500'),
  QUOTA_KEYS: quota('KMS keys in the account and region', '100000'),
  QUOTA_DATABASES: quota('tenant databases', '10000'),
  QUOTA_BUCKETS: quota('S3 buckets in the account', '10000'),
  QUOTA_SERVICES: quota('services in the ECS cluster', '5000'),
  QUOTA_TARGET_GROUPS: quota('target groups in the account and region', '3000'),
  QUOTA_RULES: quota('rules of the listener', '100'),
  QUOTA_DNS_RECORDS: quota('records in the hosted zone', '10000'),
} satisfies Record<string, Setting<unknown>>;

export type InfrastructureWithoutFallback =
  | 'TENANT_DATABASE'
  | 'TENANT_DATABASE_URL'
  | 'OBJECTS'
  | 'S3_BUCKET'
  | 'S3_KMS_KEY'
  | 'REDIS_URL'
  | 'ECS_CLUSTER'
  | 'ECS_TEMPLATE_SERVICES'
  | 'ECS_SECRETS_BUCKET'
  | 'ALB_LISTENER_ARN'
  | 'HOSTED_ZONE_ID'
  | 'TENANT_DOMAIN'
  | 'TENANT_ENDPOINT_ADDRESS';

type Name = keyof typeof infrastructureSettings;
type Values = { [N in Name]: ReturnType<(typeof infrastructureSettings)[N]['parse']> };
type Complete = Pick<Values, InfrastructureWithoutFallback> & {
  [N in Exclude<Name, InfrastructureWithoutFallback>]: NonNullable<Values[N]>;
};

/** What tenants get besides table and keys. `endpoint` absent: AWS in `region`. */
export interface InfrastructureSettings {
  readonly region: string;
  readonly database:
    | { kind: 'none' }
    /** `adminUrl` absent: the control plane's. */
    | { kind: 'schema' | 'database'; adminUrl: Secret | undefined; connections: number };
  readonly objects:
    | { kind: 'none' }
    | { kind: 'disk' }
    | { kind: 'bucket'; namePrefix: string }
    | { kind: 'prefix'; bucket: string };
  readonly s3: { endpoint: string | undefined; kmsKey: string | undefined };
  /** Absent: no caches. */
  readonly redisUrl: Secret | undefined;
  /** Absent: no services. */
  readonly hosting: HostingSettings | undefined;
  /** 0: only on demand. */
  readonly reconcileHours: number;
  readonly quotas: Readonly<Record<QuotaName, number>>;
}

export interface HostingSettings {
  ecs: { endpoint: string | undefined; cluster: string; secretsBucket: string; steadySeconds: number };
  parts: readonly TemplatePartSetting[];
  balancer: { endpoint: string | undefined; listenerArn: string };
  /** Absent: the domain has a wildcard record. */
  dns: { endpoint: string | undefined; hostedZoneId: string } | undefined;
  domain: string;
  /** `host` or `host:port`; absent: public DNS. */
  endpointAddress: string | undefined;
}

export type QuotaName =
  | 'tenants'
  | 'tables'
  | 'keys'
  | 'databases'
  | 'buckets'
  | 'services'
  | 'targetGroups'
  | 'rules'
  | 'dnsRecords';

const neededForHosting = [
  'ECS_TEMPLATE_SERVICES',
  'ECS_SECRETS_BUCKET',
  'ALB_LISTENER_ARN',
  'TENANT_DOMAIN',
] as const;

/** What is missing beside something else. `invalid` says which settings are reported already. */
export function findInfrastructureConflicts(
  values: Values,
  invalid: (name: Name) => boolean,
): SettingsProblem[] {
  const missing = (name: Name) => values[name] === undefined && !invalid(name);
  const conflicts: SettingsProblem[] = [];
  if (values.OBJECTS === 'prefix' && missing('S3_BUCKET')) {
    conflicts.push({ name: 'S3_BUCKET', message: 'is required with OBJECTS=prefix' });
  }
  const hosts = values.ECS_CLUSTER !== undefined || invalid('ECS_CLUSTER');
  for (const name of neededForHosting) {
    if (hosts && missing(name)) {
      conflicts.push({ name, message: 'is required with ECS_CLUSTER' });
    } else if (!hosts && values[name] !== undefined) {
      conflicts.push({ name, message: 'goes with ECS_CLUSTER, which is not set' });
    }
  }
  if (!hosts && values.HOSTED_ZONE_ID !== undefined) {
    conflicts.push({ name: 'HOSTED_ZONE_ID', message: 'goes with ECS_CLUSTER, which is not set' });
  }
  return conflicts;
}

export function composeInfrastructure(
  values: Complete,
  about: { region: string; embeddedPostgres: boolean; embeddedStorage: boolean },
): InfrastructureSettings {
  const kind = values.TENANT_DATABASE ?? (about.embeddedPostgres ? 'schema' : 'none');
  return {
    region: about.region,
    database:
      kind === 'none'
        ? { kind }
        : { kind, adminUrl: values.TENANT_DATABASE_URL, connections: values.TENANT_DATABASE_CONNECTIONS },
    objects: composeObjects(values, about.embeddedStorage),
    s3: { endpoint: endpointOf(values.S3_ENDPOINT), kmsKey: values.S3_KMS_KEY },
    redisUrl: values.REDIS_URL,
    hosting: composeHosting(values),
    reconcileHours: Number(values.RECONCILE_HOURS),
    quotas: {
      tenants: values.QUOTA_TENANTS,
      tables: values.QUOTA_TABLES,
      keys: values.QUOTA_KEYS,
      databases: values.QUOTA_DATABASES,
      buckets: values.QUOTA_BUCKETS,
      services: values.QUOTA_SERVICES,
      targetGroups: values.QUOTA_TARGET_GROUPS,
      rules: values.QUOTA_RULES,
      dnsRecords: values.QUOTA_DNS_RECORDS,
    },
  };
}

function composeObjects(
  { OBJECTS, S3_BUCKET, S3_BUCKET_PREFIX }: Complete,
  embeddedStorage: boolean,
): InfrastructureSettings['objects'] {
  const kind = OBJECTS ?? (embeddedStorage ? 'disk' : 'none');
  if (kind === 'bucket') {
    return { kind, namePrefix: S3_BUCKET_PREFIX };
  }
  return kind === 'prefix' ? { kind, bucket: S3_BUCKET ?? '' } : { kind };
}

function composeHosting(values: Complete): HostingSettings | undefined {
  const { ECS_CLUSTER, ECS_TEMPLATE_SERVICES, ECS_SECRETS_BUCKET, ALB_LISTENER_ARN, TENANT_DOMAIN } = values;
  if (
    ECS_CLUSTER === undefined ||
    ECS_TEMPLATE_SERVICES === undefined ||
    ECS_SECRETS_BUCKET === undefined ||
    ALB_LISTENER_ARN === undefined ||
    TENANT_DOMAIN === undefined
  ) {
    return undefined;
  }
  return {
    ecs: {
      endpoint: endpointOf(values.ECS_ENDPOINT),
      cluster: ECS_CLUSTER,
      secretsBucket: ECS_SECRETS_BUCKET,
      steadySeconds: values.ECS_STEADY_SECONDS,
    },
    parts: ECS_TEMPLATE_SERVICES,
    balancer: { endpoint: endpointOf(values.ELB_ENDPOINT), listenerArn: ALB_LISTENER_ARN },
    dns:
      values.HOSTED_ZONE_ID === undefined
        ? undefined
        : { endpoint: endpointOf(values.ROUTE53_ENDPOINT), hostedZoneId: values.HOSTED_ZONE_ID },
    domain: TENANT_DOMAIN,
    endpointAddress: values.TENANT_ENDPOINT_ADDRESS,
  };
}

/** `undefined`: the SDK finds AWS by the region. */
export function endpointOf(endpoint: URL | 'aws'): string | undefined {
  return endpoint === 'aws' ? undefined : endpoint.origin;
}
