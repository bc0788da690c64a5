import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { renderSettingsDoc } from '../../scripts/settings-doc.ts';
import { readSettings, type SettingsError } from '../../src/platform/settings.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const root = join(import.meta.dirname, '../..');
const masterKey = Buffer.alloc(32, 7).toString('base64');
const role = (name: string) => `arn:aws:iam::123456789012:role/${name}`;

function problemsOf(env: NodeJS.ProcessEnv, cwd: string): string[] {
  try {
    readSettings(env, cwd);
    return [];
  } catch (error) {
    return (error as SettingsError).problems.map(({ name, message }) => `${name} ${message}`);
  }
}

test('without any setting everything is embedded, on loopback, with a person approving', async () => {
  const cwd = await temporaryDirectory();
  const settings = readSettings({}, cwd);
  expect(settings).toMatchObject({
    port: 3000,
    host: '127.0.0.1',
    dataDir: join(cwd, '.data'),
    mode: 'both',
    database: { kind: 'embedded' },
    dynamodb: { kind: 'embedded' },
    masterKey: undefined,
    approval: 'manual',
    validation: 'automatic',
    compliance: 'automatic',
    signingAlgorithm: 'ES256',
  });
  expect(settings.publicUrl.href).toBe('http://localhost:3000/');
  expect(Object.isFrozen(settings)).toBe(true);
});

test('the public URL follows the port, and external storage makes people review', async () => {
  const settings = readSettings(
    {
      PORT: '8443',
      DATABASE_URL: 'postgres://app:secret@db/tenantry',
      DYNAMODB_ENDPOINT: 'https://dynamodb.eu-central-1.amazonaws.com',
      AWS_REGION: 'eu-central-1',
      MASTER_KEY: masterKey,
      MODE: 'work',
    },
    await temporaryDirectory(),
  );
  expect(settings.publicUrl.origin).toBe('http://localhost:8443');
  expect(settings.dynamodb).toEqual({
    kind: 'external',
    endpoint: 'https://dynamodb.eu-central-1.amazonaws.com',
    region: 'eu-central-1',
    tableOperations: 50,
  });
  expect([settings.validation, settings.compliance, settings.mode]).toEqual(['manual', 'manual', 'work']);
  expect(settings.masterKey?.reveal()).toBe(masterKey);
  expect(inspect(settings, { depth: 5 })).not.toMatch(/secret|BwcH/);
  expect(JSON.stringify(settings)).not.toMatch(/secret|BwcH/);
});

test('AWS is found by its region, and needs no master key when keys are in KMS', async () => {
  const settings = readSettings(
    {
      DATABASE_URL: 'postgres://app:secret@db/tenantry',
      DYNAMODB_ENDPOINT: 'aws',
      AWS_REGION: 'eu-central-1',
      KEYS: 'kms-envelope',
      KMS_DATA_PLANE_ROLE: role('signs'),
      KMS_CONTROL_PLANE_ROLE: role('makes'),
    },
    await temporaryDirectory(),
  );
  expect(settings.masterKey).toBeUndefined();
  expect(settings.dynamodb).toEqual({ kind: 'external', region: 'eu-central-1', tableOperations: 50 });
  expect(settings.keyMode).toBe('kms-envelope');
  expect(settings.kms).toEqual({
    region: 'eu-central-1',
    roles: { dataPlane: role('signs'), controlPlane: role('makes') },
    signaturesPerSecond: { ecc: 500, rsa: 500 },
    createKeysPerSecond: 5,
    deletionWindowDays: 30,
  });
});

test('KMS is used only when it is asked for, and stays within reach of a deployment that leaves it', async () => {
  const cwd = await temporaryDirectory();
  expect(readSettings({}, cwd).kms).toBeUndefined();
  const leaving = readSettings({ KEYS: 'local', KMS_ENDPOINT: 'http://localhost:4566' }, cwd);
  expect(leaving.keyMode).toBe('local');
  expect(leaving.kms?.endpoint).toBe('http://localhost:4566');
});

test('the environment wins over the file, and an empty variable counts as absent', async () => {
  const cwd = await temporaryDirectory();
  await mkdir(join(cwd, 'config'));
  await writeFile(
    join(cwd, 'config/tenantry.json'),
    JSON.stringify({ PORT: 4000, HOST: '0.0.0.0', PUBLIC_URL: 'https://id.example.com' }),
  );
  const settings = readSettings({ PORT: '5000', HOST: '' }, cwd);
  expect(settings).toMatchObject({ port: 5000, host: '0.0.0.0' });
  expect(settings.publicUrl.origin).toBe('https://id.example.com');
});

test('every problem is reported at once, by name, and no secret with it', async () => {
  const cwd = await temporaryDirectory();
  await writeFile(join(cwd, 'own.json'), JSON.stringify({ HSOT: 'typo', TRUST_PROXY: true }));
  const problems = problemsOf(
    {
      CONFIG_FILE: 'own.json',
      PORT: '70000',
      PUBLIC_URL: 'https://id.example.com/path',
      LOG_LEVEL: 'loud',
      DATABASE_URL: 'mysql://app:hunter2@db/x',
      DYNAMODB_ENDPOINT: 'http://localhost:8000',
      MASTER_KEY: 'hunter2',
      OAUTH_TEAM_EMAIL: 'a@b\r\nBcc: c@d',
    },
    cwd,
  );
  expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
    'HSOT',
    'TRUST_PROXY',
    'PORT',
    'PUBLIC_URL',
    'LOG_LEVEL',
    'DATABASE_URL',
    'MASTER_KEY',
    'OAUTH_TEAM_EMAIL',
  ]);
  expect(problems).toContain('PORT must be a whole number from 1 to 65535');
  expect(problems.join()).not.toContain('hunter2');
});

test.each([
  [
    { DYNAMODB_ENDPOINT: 'http://localhost:8000' },
    'MASTER_KEY is required with DYNAMODB_ENDPOINT and KEYS=local',
  ],
  [{ KMS_DATA_PLANE_ROLE: role('signs') }, 'KMS_CONTROL_PLANE_ROLE is required with KMS_DATA_PLANE_ROLE'],
  [{ KMS_CONTROL_PLANE_ROLE: role('makes') }, 'KMS_DATA_PLANE_ROLE is required with KMS_CONTROL_PLANE_ROLE'],
  [
    { DYNAMODB_ENDPOINT: 'https://dynamodb.eu-central-1.amazonaws.com/x', MASTER_KEY: masterKey },
    'DYNAMODB_ENDPOINT must be `aws` for AWS in `AWS_REGION`, or an http or https URL without a path',
  ],
  [
    { MODE: 'serve' },
    'MODE can be serve only with DATABASE_URL and DYNAMODB_ENDPOINT: one process owns embedded storage',
  ],
  [{ CONFIG_FILE: 'absent.json' }, expect.stringMatching(/^CONFIG_FILE does not exist/)],
])('%o is refused', async (env, problem) => {
  expect(problemsOf(env, await temporaryDirectory())).toEqual([problem]);
});

test('a file that is no JSON object is refused', async () => {
  const cwd = await temporaryDirectory();
  for (const content of ['{', '[]', 'null']) {
    await writeFile(join(cwd, 'own.json'), content);
    expect(problemsOf({ CONFIG_FILE: 'own.json' }, cwd)).toEqual([expect.stringMatching(/^CONFIG_FILE /)]);
  }
});

test('the example file is valid', () => {
  expect(problemsOf({ CONFIG_FILE: 'config/tenantry.example.json' }, root)).toEqual([]);
});

test('the prefix of tables does not lie among the tenants’ tables of another deployment', async () => {
  const cwd = await temporaryDirectory();
  for (const prefix of ['acme-tenant', 'acme-tenant-b', 'a-tenant-b-tenant-c']) {
    expect(problemsOf({ TABLE_PREFIX: prefix }, cwd)).toEqual([
      expect.stringMatching(/^TABLE_PREFIX must be .*no part is `-tenant`/),
    ]);
  }
  for (const prefix of ['tenantry', 'my-tenantry', 'acme-tenants', 'tenant', 'tenant-b']) {
    expect(problemsOf({ TABLE_PREFIX: prefix }, cwd)).toEqual([]);
  }
});

test('docs/settings.md is what the table of settings says', async () => {
  expect(await readFile(join(root, 'docs/settings.md'), 'utf8')).toBe(renderSettingsDoc());
});

test('mail goes to the outbox folder, an SMTP server or SES', async () => {
  const cwd = await temporaryDirectory();
  expect(readSettings({}, cwd).mail).toEqual({ kind: 'outbox' });
  const smtp = readSettings({ MAIL: 'smtp', SMTP_URL: 'smtps://mailer:s3cret@mail.example.com' }, cwd);
  expect(smtp.mail).toMatchObject({ kind: 'smtp' });
  expect(inspect(smtp, { depth: 5 })).not.toContain('s3cret');
  expect(readSettings({ MAIL: 'ses', AWS_REGION: 'eu-central-1' }, cwd).mail).toEqual({
    kind: 'ses',
    region: 'eu-central-1',
    endpoint: undefined,
  });
  expect(problemsOf({ MAIL: 'smtp' }, cwd)).toEqual(['SMTP_URL is required with MAIL=smtp']);
  expect(problemsOf({ MAIL: 'smtp', SMTP_URL: 'mail.example.com' }, cwd)).toEqual([
    'SMTP_URL must be a URL such as `smtps://user:password@mail.example.com:465`',
  ]);
});

test('metrics are off, or on a port of their own that others reach only with a token', async () => {
  const cwd = await temporaryDirectory();
  expect(readSettings({}, cwd).metrics).toBeUndefined();
  expect(readSettings({ METRICS_PORT: '9464' }, cwd).metrics).toEqual({
    port: 9464,
    host: '127.0.0.1',
    token: undefined,
  });
  const open = { METRICS_PORT: '9464', METRICS_HOST: '0.0.0.0' };
  expect(problemsOf(open, cwd)).toEqual(['METRICS_TOKEN is required unless METRICS_HOST is local']);
  const token = 'a-token-of-enough-length';
  const guarded = readSettings({ ...open, METRICS_TOKEN: token }, cwd);
  expect(guarded.metrics).toMatchObject({ host: '0.0.0.0' });
  expect(inspect(guarded, { depth: 5 })).not.toContain(token);
  expect(problemsOf({ ...open, METRICS_TOKEN: 'short' }, cwd)).toEqual([
    'METRICS_TOKEN must be at least 16 characters of a bearer token',
  ]);
});

test('hosts of our own that webhooks may reach are listed', async () => {
  const cwd = await temporaryDirectory();
  expect(readSettings({}, cwd).webhookAllowedHosts).toEqual([]);
  const { webhookAllowedHosts } = readSettings(
    { WEBHOOK_ALLOWED_HOSTS: 'Hooks.Internal:8080, [::1]:9000' },
    cwd,
  );
  expect(webhookAllowedHosts).toEqual(['hooks.internal:8080', '[::1]:9000']);
  expect(problemsOf({ WEBHOOK_ALLOWED_HOSTS: 'http://hooks.internal' }, cwd)).toEqual([
    'WEBHOOK_ALLOWED_HOSTS must be hosts, each with or without a port, separated by commas',
  ]);
});
