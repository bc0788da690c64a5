/**
 * Settings: read once at the start, validated as a whole, then frozen. The environment wins over the settings file, an empty value counts
 * as absent, and every problem is reported at once by the name of its setting. What can be said about one setting alone is in
 * setting-table.ts; here is what depends on several. Nothing else in the product reads the environment.
 */
import { resolve } from 'node:path';
import type { Secret } from '../kernel/secret.ts';
import type { KeyMode, SigningAlgorithm } from '../kernel/tenant.ts';
import { composeFederation, type FederationSettings } from './federation-settings.ts';
import {
  composeInfrastructure,
  endpointOf,
  findInfrastructureConflicts,
  type InfrastructureSettings,
  type InfrastructureWithoutFallback,
} from './infrastructure-settings.ts';
import type { LogLevel } from './log.ts';
import { composeMail, type MailSettings } from './mail-settings.ts';
import type { Setting, SettingsProblem } from './setting-kinds.ts';
import { type SettingName, settingTable } from './setting-table.ts';
import { readSettingsFile } from './settings-file.ts';

export interface Settings {
  readonly port: number;
  readonly host: string;
  /** An origin: no path. */
  readonly publicUrl: URL;
  /** Reverse proxies in front. */
  readonly trustProxy: number;
  /** Absolute path. */
  readonly dataDir: string;
  readonly logLevel: LogLevel;
  readonly mode: 'both' | 'serve' | 'work';
  readonly database: { kind: 'embedded' } | { kind: 'external'; connectionString: Secret };
  readonly dynamodb: { kind: 'embedded' } | ExternalDynamodb;
  readonly tablePrefix: string;
  /** Of new keys. */
  readonly keyMode: KeyMode;
  /** Absent: no key is in KMS. */
  readonly kms: KmsSettings | undefined;
  /** 32 bytes in base64; absent where one is generated, and where everything is sealed in KMS. */
  readonly masterKey: Secret | undefined;
  readonly approval: Gate;
  readonly validation: Gate;
  readonly compliance: Gate;
  readonly reminderHours: number;
  readonly escalationHours: number;
  /** 0: never. */
  readonly orderExpiryDays: number;
  /** The weakest security policy that a tenant may have. */
  readonly policyFloor: {
    readonly minPasswordLength: number;
    readonly minPasswordClasses: number;
    readonly maxSessionSeconds: number;
  };
  readonly deletionGraceDays: number;
  readonly provisioningPatienceSeconds: number;
  readonly signingAlgorithm: SigningAlgorithm;
  readonly keyRotationDays: number;
  readonly jwksCacheSeconds: number;
  readonly tenantPoolMax: number;
  readonly tenantRevalidateSeconds: number;
  readonly tenantNegativeSeconds: number;
  readonly registrationsPerHour: number;
  readonly signInAttemptsPerMinute: number;
  readonly signInFreeFailures: number;
  /** What people do in a tenant; 0 days: nothing is kept. */
  readonly activity: { readonly days: number; readonly addresses: 'full' | 'short' };
  readonly mail: MailSettings;
  readonly mailFrom: string;
  readonly oauthTeamEmail: string;
  readonly securityAdminEmail: string;
  readonly complianceOfficerEmail: string;
  readonly escalationEmail: string;
  /** Lower-case `host` or `host:port`. */
  readonly webhookAllowedHosts: readonly string[];
  /** Lower-case `host` or `host:port`. */
  readonly tenantAllowedHosts: readonly string[];
  readonly federation: FederationSettings;
  readonly usageFlushSeconds: number;
  /** Absent: no metrics. */
  readonly metrics: { port: number; host: string; token: Secret | undefined } | undefined;
  readonly infrastructure: InfrastructureSettings;
  readonly shutdownGraceSeconds: number;
}

export interface ExternalDynamodb {
  kind: 'external';
  /** Absent: AWS in `region`. */
  endpoint: string | undefined;
  region: string;
  /** ARN, id or alias. */
  encryptionKey: string | undefined;
  /** Tables being created or deleted at once. */
  tableOperations: number;
}

export interface KmsSettings {
  /** Absent: AWS in `region`. */
  endpoint: string | undefined;
  region: string;
  /** ARNs of the only roles that may use new keys. */
  roles: { dataPlane: string; controlPlane: string } | undefined;
  signaturesPerSecond: { ecc: number; rsa: number };
  createKeysPerSecond: number;
  deletionWindowDays: number;
}

/** Whether a person decides or the process goes straight on (E5). */
export type Gate = 'manual' | 'automatic';

export class SettingsError extends Error {
  readonly problems: readonly SettingsProblem[];

  constructor(problems: readonly SettingsProblem[]) {
    super(problems.map(({ name, message }) => `${name} ${message}`).join('\n'));
    this.name = 'SettingsError';
    this.problems = problems;
  }
}

/** Throws `SettingsError` with every problem there is. Relative paths are relative to `cwd`. */
export function readSettings(env: NodeJS.ProcessEnv, cwd: string): Settings {
  const names = Object.keys(settingTable) as SettingName[];
  const file = readSettingsFile(env.CONFIG_FILE || undefined, cwd, names);
  const problems = [...file.problems];

  function read<T>(name: SettingName, setting: Setting<T>): T | undefined {
    const text = env[name] || file.values[name] || setting.fallback;
    if (text === undefined) {
      return undefined;
    }
    const value = setting.parse(text);
    if (value === undefined) {
      problems.push({ name, message: `must be ${setting.values}` });
    }
    return value;
  }

  const values = Object.fromEntries(
    names.map((name) => [name, read<unknown>(name, settingTable[name])]),
  ) as SettingValues;
  problems.push(...findConflicts(values, problems));
  if (problems.length > 0) {
    throw new SettingsError(problems);
  }
  return Object.freeze(composeSettings(values as Complete, cwd));
}

type SettingValues = { [N in SettingName]: ReturnType<(typeof settingTable)[N]['parse']> };

/** What has a fallback is there once there are no problems. */
type WithoutFallback =
  | InfrastructureWithoutFallback
  | 'PUBLIC_URL'
  | 'DATABASE_URL'
  | 'DYNAMODB_ENDPOINT'
  | 'DYNAMODB_SSE_KEY'
  | 'KMS_ENDPOINT'
  | 'KMS_DATA_PLANE_ROLE'
  | 'KMS_CONTROL_PLANE_ROLE'
  | 'MASTER_KEY'
  | 'SMTP_URL'
  | 'WEBHOOK_ALLOWED_HOSTS'
  | 'TENANT_ALLOWED_HOSTS'
  | 'FEDERATION_ALLOWED_HOSTS'
  | 'METRICS_TOKEN'
  | 'VALIDATION'
  | 'COMPLIANCE';
type Complete = Pick<SettingValues, WithoutFallback> & {
  [N in Exclude<SettingName, WithoutFallback>]: NonNullable<SettingValues[N]>;
};

function findConflicts(values: SettingValues, problems: readonly SettingsProblem[]): SettingsProblem[] {
  const invalid = (name: SettingName) => problems.some((problem) => problem.name === name);
  const conflicts: SettingsProblem[] = [];
  if (values.DYNAMODB_ENDPOINT && values.KEYS === 'local' && !values.MASTER_KEY && !invalid('MASTER_KEY')) {
    conflicts.push({ name: 'MASTER_KEY', message: 'is required with DYNAMODB_ENDPOINT and KEYS=local' });
  }
  const roles = ['KMS_DATA_PLANE_ROLE', 'KMS_CONTROL_PLANE_ROLE'] as const;
  for (const [name, other] of [roles, roles.toReversed() as [SettingName, SettingName]]) {
    if (values[other] && !values[name] && !invalid(name)) {
      conflicts.push({ name, message: `is required with ${other}` });
    }
  }
  if (values.MAIL === 'smtp' && !values.SMTP_URL && !invalid('SMTP_URL')) {
    conflicts.push({ name: 'SMTP_URL', message: 'is required with MAIL=smtp' });
  }
  const isLocal = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(values.METRICS_HOST ?? '');
  if (values.METRICS_PORT && !isLocal && !values.METRICS_TOKEN && !invalid('METRICS_TOKEN')) {
    conflicts.push({ name: 'METRICS_TOKEN', message: 'is required unless METRICS_HOST is local' });
  }
  if ((values.ESCALATION_HOURS ?? 0) <= (values.REMINDER_HOURS ?? 0) && !invalid('ESCALATION_HOURS')) {
    conflicts.push({ name: 'ESCALATION_HOURS', message: 'must be more than REMINDER_HOURS' });
  }
  conflicts.push(...findInfrastructureConflicts(values, invalid));
  const embedded = ([name]: [SettingName, string]) => !values[name] && !invalid(name);
  const missing = (
    [
      ['DATABASE_URL', 'PostgreSQL'],
      ['DYNAMODB_ENDPOINT', 'DynamoDB'],
    ] as [SettingName, string][]
  ).filter(embedded);
  if (values.MODE && values.MODE !== 'both' && missing.length > 0) {
    const needed = missing.map(([name]) => name).join(' and ');
    conflicts.push({
      name: 'MODE',
      message: `can be ${values.MODE} only with ${needed}: one process owns embedded storage`,
    });
  }
  return conflicts;
}

function composeSettings(values: Complete, cwd: string): Settings {
  const embedded = !values.DATABASE_URL && !values.DYNAMODB_ENDPOINT;
  const reviewDefault: Gate = embedded ? 'automatic' : 'manual';
  return {
    port: values.PORT,
    host: values.HOST,
    publicUrl: values.PUBLIC_URL ?? new URL(`http://localhost:${values.PORT}`),
    trustProxy: values.TRUST_PROXY,
    dataDir: resolve(cwd, values.DATA_DIR),
    logLevel: values.LOG_LEVEL,
    mode: values.MODE,
    database: values.DATABASE_URL
      ? { kind: 'external', connectionString: values.DATABASE_URL }
      : { kind: 'embedded' },
    dynamodb: values.DYNAMODB_ENDPOINT
      ? {
          kind: 'external',
          endpoint: endpointOf(values.DYNAMODB_ENDPOINT),
          region: values.AWS_REGION,
          encryptionKey: values.DYNAMODB_SSE_KEY,
          tableOperations: values.DYNAMODB_TABLE_OPERATIONS,
        }
      : { kind: 'embedded' },
    tablePrefix: values.TABLE_PREFIX,
    keyMode: values.KEYS,
    kms: composeKms(values),
    masterKey: values.MASTER_KEY,
    approval: values.APPROVAL,
    validation: values.VALIDATION ?? reviewDefault,
    compliance: values.COMPLIANCE ?? reviewDefault,
    reminderHours: values.REMINDER_HOURS,
    escalationHours: values.ESCALATION_HOURS,
    orderExpiryDays: values.ORDER_EXPIRY_DAYS,
    policyFloor: {
      minPasswordLength: values.POLICY_MIN_PASSWORD_LENGTH,
      minPasswordClasses: values.POLICY_MIN_PASSWORD_CLASSES,
      maxSessionSeconds: values.POLICY_MAX_SESSION_SECONDS,
    },
    deletionGraceDays: values.DELETION_GRACE_DAYS,
    provisioningPatienceSeconds: values.PROVISIONING_PATIENCE_SECONDS,
    signingAlgorithm: values.SIGNING_ALGORITHM,
    keyRotationDays: values.KEY_ROTATION_DAYS,
    jwksCacheSeconds: values.JWKS_CACHE_SECONDS,
    tenantPoolMax: values.TENANT_POOL_MAX,
    tenantRevalidateSeconds: values.TENANT_REVALIDATE_SECONDS,
    tenantNegativeSeconds: values.TENANT_NEGATIVE_SECONDS,
    registrationsPerHour: values.REGISTRATIONS_PER_HOUR,
    signInAttemptsPerMinute: values.SIGN_IN_ATTEMPTS_PER_MINUTE,
    signInFreeFailures: values.SIGN_IN_FREE_FAILURES,
    activity: { days: values.ACTIVITY_DAYS, addresses: values.ACTIVITY_ADDRESSES },
    mail: composeMail(values),
    mailFrom: values.MAIL_FROM,
    oauthTeamEmail: values.OAUTH_TEAM_EMAIL,
    securityAdminEmail: values.SECURITY_ADMIN_EMAIL,
    complianceOfficerEmail: values.COMPLIANCE_OFFICER_EMAIL,
    escalationEmail: values.ESCALATION_EMAIL,
    webhookAllowedHosts: values.WEBHOOK_ALLOWED_HOSTS ?? [],
    tenantAllowedHosts: values.TENANT_ALLOWED_HOSTS ?? [],
    federation: composeFederation(values),
    usageFlushSeconds: values.USAGE_FLUSH_SECONDS,
    metrics:
      values.METRICS_PORT === 0
        ? undefined
        : { port: values.METRICS_PORT, host: values.METRICS_HOST, token: values.METRICS_TOKEN },
    infrastructure: composeInfrastructure(values, {
      region: values.AWS_REGION,
      embeddedPostgres: !values.DATABASE_URL,
      embeddedStorage: embedded,
    }),
    shutdownGraceSeconds: values.SHUTDOWN_GRACE_SECONDS,
  };
}

function composeKms(values: Complete): KmsSettings | undefined {
  const endpoint = values.KMS_ENDPOINT ?? (values.KEYS === 'local' ? undefined : 'aws');
  if (endpoint === undefined) {
    return undefined;
  }
  const { KMS_DATA_PLANE_ROLE: dataPlane, KMS_CONTROL_PLANE_ROLE: controlPlane } = values;
  return {
    endpoint: endpointOf(endpoint),
    region: values.AWS_REGION,
    roles: dataPlane && controlPlane ? { dataPlane, controlPlane } : undefined,
    signaturesPerSecond: {
      ecc: values.KMS_ECC_SIGNATURES_PER_SECOND,
      rsa: values.KMS_RSA_SIGNATURES_PER_SECOND,
    },
    createKeysPerSecond: values.KMS_CREATE_KEYS_PER_SECOND,
    deletionWindowDays: values.KMS_DELETION_WINDOW_DAYS,
  };
}
