import { federationSettings } from './federation-settings.ts';
import { infrastructureSettings } from './infrastructure-settings.ts';
import {
  awsEndpoint,
  databaseUrl,
  hostList,
  key,
  matching,
  oneOf,
  origin,
  type Setting,
  sharedSecret,
  smtpUrl,
  wholeNumber,
} from './setting-kinds.ts';

const roleArn = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/;
const roleArnValues = 'the ARN of a role such as `arn:aws:iam::123456789012:role/tenantry`';
/** `<prefix>-tenant-*` is the tenants' tables: a prefix that goes on like that would lie within another deployment's rights. */
const tablePrefix = /^(?!.*-tenant(?:-|$))[A-Za-z0-9_-]{1,40}$/;
const mailAddress = /^[^\s@<>,;:"]+@[^\s@<>,;:"]+$/;

/**
 * Every setting there is, by the name under which the environment or the settings file gives it. Reading, defaults, problems and
 * docs/settings.md all come from here.
 */
export const settingTable = {
  PORT: wholeNumber({ min: 1, max: 65_535, fallback: '3000', description: 'TCP port to listen on.' }),
  HOST: matching(/^[\w.:-]+$/, 'an address or host name', {
    fallback: '127.0.0.1',
    description: 'Address to listen on. `0.0.0.0` or `::` for all interfaces.',
  }),
  PUBLIC_URL: origin({
    otherwise: '`http://localhost:PORT`',
    description:
      'Where browsers and clients reach the server. Every issuer begins with it, requests for another host are refused, and it must never change once a tenant exists.',
  }),
  TRUST_PROXY: wholeNumber({
    min: 0,
    max: 10,
    fallback: '0',
    description:
      'How many reverse proxies of your own stand in front; that many entries of `X-Forwarded-For` are believed.',
  }),
  DATA_DIR: matching(/./, 'a directory', {
    fallback: '.data',
    description: 'Embedded storage, the outbox of mails, the generated master key and `bootstrap.json`.',
  }),
  LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    fallback: 'info',
    description: 'How much is logged (JSON lines on standard output).',
  }),
  MODE: oneOf(['both', 'serve', 'work'], {
    fallback: 'both',
    description:
      '`serve` answers requests, `work` takes jobs (onboarding and provisioning), `both` does both. Embedded storage needs `both`.',
  }),
  DATABASE_URL: databaseUrl({
    otherwise: 'an embedded PostgreSQL under `DATA_DIR`',
    description: 'PostgreSQL of the control plane.',
  }),
  DYNAMODB_ENDPOINT: awsEndpoint({
    otherwise: 'an embedded server under `DATA_DIR`',
    description: 'Where DynamoDB is. Credentials come from the AWS SDK’s usual chain.',
  }),
  AWS_REGION: matching(/^[a-z0-9-]{2,32}$/, 'a region such as `eu-central-1`', {
    fallback: 'us-east-1',
    description: 'Region of DynamoDB and KMS.',
  }),
  TABLE_PREFIX: matching(tablePrefix, '1 to 40 letters, digits, `_` or `-`, in which no part is `-tenant`', {
    fallback: 'tenantry',
    description:
      'Begins the name of every DynamoDB table and of every KMS alias, so that several deployments can share an account.',
  }),
  DYNAMODB_SSE_KEY: matching(/^[\w:/.-]{1,2048}$/, 'the ARN, id or alias of a KMS key', {
    otherwise: 'a key that DynamoDB owns',
    description: 'KMS key that encrypts tables made from now on.',
  }),
  DYNAMODB_TABLE_OPERATIONS: wholeNumber({
    min: 1,
    max: 500,
    fallback: '50',
    description: 'Tables that one process creates or deletes at once; DynamoDB allows an account 500.',
  }),
  KEYS: oneOf(['local', 'kms', 'kms-envelope'], {
    fallback: 'local',
    description:
      'Where new signing keys are: sealed under `MASTER_KEY`, in KMS, or wrapped by KMS. A key stays where it was made.',
  }),
  KMS_ENDPOINT: awsEndpoint({
    otherwise: '`aws` when `KEYS` is one of KMS, else KMS is not used',
    description: 'Where KMS is. With `KEYS=local` it keeps keys usable that were made in KMS.',
  }),
  KMS_DATA_PLANE_ROLE: matching(roleArn, roleArnValues, {
    otherwise: 'keys have the account’s default policy',
    description:
      'Role of processes that serve. It and `KMS_CONTROL_PLANE_ROLE` alone may then use new KMS keys.',
  }),
  KMS_CONTROL_PLANE_ROLE: matching(roleArn, roleArnValues, {
    otherwise: 'keys have the account’s default policy',
    description: 'Role of processes that work, in the account that shall own the keys.',
  }),
  KMS_ECC_SIGNATURES_PER_SECOND: wholeNumber({
    min: 1,
    max: 100_000,
    fallback: '500',
    description:
      'Signatures by ES256 keys that this process may ask of KMS: the account’s quota divided by the number of processes.',
  }),
  KMS_RSA_SIGNATURES_PER_SECOND: wholeNumber({
    min: 1,
    max: 100_000,
    fallback: '500',
    description: 'The same for RS256 and PS256 keys.',
  }),
  KMS_CREATE_KEYS_PER_SECOND: wholeNumber({
    min: 1,
    max: 1_000,
    fallback: '5',
    description: 'KMS keys that this process may create per second.',
  }),
  KMS_DELETION_WINDOW_DAYS: wholeNumber({
    min: 7,
    max: 30,
    fallback: '30',
    description: 'How long a destroyed KMS key can still be brought back by hand.',
  }),
  MASTER_KEY: key(32, {
    otherwise:
      'generated once in `DATA_DIR/master.key` with embedded storage; required with `DYNAMODB_ENDPOINT` and `KEYS=local`',
    description:
      'Seals the tenants’ private keys and secrets when they are not in KMS. Whoever loses it loses every such key. `openssl rand -base64 32` makes one.',
  }),
  APPROVAL: oneOf(['manual', 'automatic'], {
    fallback: 'manual',
    description: 'Whether registrations wait for a decision of the OAuth team.',
  }),
  VALIDATION: oneOf(['manual', 'automatic'], {
    otherwise: '`automatic` with embedded storage, else `manual`',
    description: 'Whether a provisioned tenant waits for the Security Admin.',
  }),
  COMPLIANCE: oneOf(['manual', 'automatic'], {
    otherwise: '`automatic` with embedded storage, else `manual`',
    description: 'Whether a provisioned tenant waits for the Compliance Officer.',
  }),
  REMINDER_HOURS: wholeNumber({
    min: 1,
    max: 8_760,
    fallback: '24',
    description:
      'After how long those are reminded whose decision an order, a validation or a compliance review waits for.',
  }),
  ESCALATION_HOURS: wholeNumber({
    min: 1,
    max: 8_760,
    fallback: '72',
    description: 'After how long `ESCALATION_EMAIL` is told, too; longer than `REMINDER_HOURS`.',
  }),
  ORDER_EXPIRY_DAYS: wholeNumber({
    min: 0,
    max: 3_650,
    fallback: '0',
    description: 'After how long a registration that nobody decided is disapproved by itself. `0`: never.',
  }),
  PROVISIONING_PATIENCE_SECONDS: wholeNumber({
    min: 0,
    max: 86_400,
    fallback: '900',
    description:
      'How long a step of provisioning, or its undo, is tried again while what it needs (KMS, ECS, a database server) does not answer. Other tenants are provisioned meanwhile. What is refused for good is undone at once.',
  }),
  POLICY_MIN_PASSWORD_LENGTH: wholeNumber({
    min: 8,
    max: 128,
    fallback: '10',
    description: 'The shortest password that a tenant’s security policy may allow.',
  }),
  POLICY_MIN_PASSWORD_CLASSES: wholeNumber({
    min: 0,
    max: 3,
    fallback: '2',
    description:
      'How many of upper case, numbers and special characters a tenant’s security policy must ask of passwords.',
  }),
  POLICY_MAX_SESSION_SECONDS: wholeNumber({
    min: 60,
    max: 2_592_000,
    fallback: '86400',
    description: 'The longest session that a tenant’s security policy may allow.',
  }),
  DELETION_GRACE_DAYS: wholeNumber({
    min: 0,
    max: 3_650,
    fallback: '30',
    description: 'How long the deletion of a tenant can be taken back before everything of it is removed.',
  }),
  SIGNING_ALGORITHM: oneOf(['ES256', 'RS256', 'PS256'], {
    fallback: 'ES256',
    description: 'Algorithm of the signing keys of new tenants.',
  }),
  KEY_ROTATION_DAYS: wholeNumber({
    min: 1,
    max: 3_650,
    fallback: '90',
    description:
      'The longest time that a signing or cookie key of a tenant is in use; the next one takes its place up to a tenth earlier.',
  }),
  JWKS_CACHE_SECONDS: wholeNumber({
    min: 1,
    max: 86_400,
    fallback: '300',
    description:
      'How long clients may keep a tenant’s discovery document and public keys. A new key is published for so long, and `TENANT_REVALIDATE_SECONDS` more, before it signs.',
  }),
  TENANT_POOL_MAX: wholeNumber({
    min: 1,
    max: 100_000,
    fallback: '200',
    description: 'Tenants kept ready in memory; the least recently used one makes room.',
  }),
  TENANT_REVALIDATE_SECONDS: wholeNumber({
    min: 1,
    max: 60,
    fallback: '15',
    description:
      'How long another process may keep serving a tenant by its previous configuration. The same for all processes of a deployment.',
  }),
  TENANT_NEGATIVE_SECONDS: wholeNumber({
    min: 1,
    max: 60,
    fallback: '5',
    description: 'How long an unknown tenant is remembered as unknown.',
  }),
  REGISTRATIONS_PER_HOUR: wholeNumber({
    min: 1,
    max: 1_000_000,
    fallback: '60',
    description: 'Registrations that one client address may submit per hour.',
  }),
  SIGN_IN_ATTEMPTS_PER_MINUTE: wholeNumber({
    min: 1,
    max: 1_000_000,
    fallback: '20',
    description: 'Sign-in attempts per minute for one account from one client address, in each process.',
  }),
  SIGN_IN_FREE_FAILURES: wholeNumber({
    min: 1,
    max: 1_000_000,
    fallback: '10',
    description:
      'Failed attempts a day at one account from one network that cost no wait, counted over all processes. After them the wait doubles with each failure, from 5 seconds to 15 minutes.',
  }),
  ACTIVITY_DAYS: wholeNumber({
    min: 0,
    max: 731,
    fallback: '90',
    description:
      'How long it is kept what people do in a tenant: sign-ins, failed ones, changes of their own accounts. `0` keeps nothing of it.',
  }),
  ACTIVITY_ADDRESSES: oneOf(['full', 'short'], {
    fallback: 'full',
    description:
      'How client addresses are kept with it: as they are, or only the /24 of an IPv4 and the /48 of an IPv6 address.',
  }),
  MAIL: oneOf(['outbox', 'smtp', 'ses'], {
    fallback: 'outbox',
    description:
      'How mail leaves: as files in `DATA_DIR/outbox`, by the SMTP server of `SMTP_URL`, or by Amazon SES in `AWS_REGION`.',
  }),
  SMTP_URL: smtpUrl({
    otherwise: 'required with `MAIL=smtp`',
    description:
      'SMTP server for `MAIL=smtp`. With `smtp` the server must offer STARTTLS unless it is local.',
  }),
  SES_ENDPOINT: awsEndpoint({
    fallback: 'aws',
    description: 'Where SES is, for `MAIL=ses`.',
  }),
  MAIL_FROM: matching(mailAddress, 'a mail address', {
    fallback: 'no-reply@tenantry.example',
    description: 'Sender of all mail.',
  }),
  OAUTH_TEAM_EMAIL: matching(mailAddress, 'a mail address', {
    fallback: 'oauth-team@operators.tenantry.example',
    description: 'Where the OAuth team is told about registrations that wait for a decision.',
  }),
  SECURITY_ADMIN_EMAIL: matching(mailAddress, 'a mail address', {
    fallback: 'security-admin@operators.tenantry.example',
    description: 'Where the Security Admins are told about tenants that wait for validation.',
  }),
  COMPLIANCE_OFFICER_EMAIL: matching(mailAddress, 'a mail address', {
    fallback: 'compliance-officer@operators.tenantry.example',
    description: 'Where the Compliance Officers are told about tenants that wait for their review.',
  }),
  ESCALATION_EMAIL: matching(mailAddress, 'a mail address', {
    fallback: 'platform-admin@operators.tenantry.example',
    description: 'Where it is told that a decision is overdue.',
  }),
  WEBHOOK_ALLOWED_HOSTS: hostList({
    otherwise: 'only https addresses on the public internet',
    description: 'Hosts of your own that webhooks may reach although they are private, and without TLS.',
  }),
  USAGE_FLUSH_SECONDS: wholeNumber({
    min: 5,
    max: 3_600,
    fallback: '60',
    description:
      'How often each process writes down what tenants have used since; what it has not written when it is killed is not counted.',
  }),
  TENANT_ALLOWED_HOSTS: hostList({
    otherwise: 'only https addresses on the public internet',
    description:
      'The same for addresses that tenants give: their own webhooks, and the `jwksUri` of their clients. Any tenant may then call these hosts.',
  }),
  ...federationSettings,
  METRICS_PORT: wholeNumber({
    min: 0,
    max: 65_535,
    fallback: '0',
    description: 'Port of `GET /metrics` for Prometheus, apart from `PORT` and in every `MODE`. `0`: off.',
  }),
  METRICS_HOST: matching(/^[\w.:-]+$/, 'an address or host name', {
    fallback: '127.0.0.1',
    description: 'Address of `METRICS_PORT`.',
  }),
  METRICS_TOKEN: sharedSecret(16, {
    otherwise: 'none asked for; required unless `METRICS_HOST` is local',
    description: 'Bearer token that Prometheus must send.',
  }),
  ...infrastructureSettings,
  SHUTDOWN_GRACE_SECONDS: wholeNumber({
    min: 1,
    max: 300,
    fallback: '10',
    description: 'How long a stopping server waits for requests and jobs in progress.',
  }),
} satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof settingTable;
