/**
 * A worker process for crash tests: provisions one tenant and kills itself at the point that `TENANTRY_CRASH_AT` names
 * (`<step>/<phase>`). With `FAIL_AT` the named step fails for good, so that the points of an undo are reached.
 */

import { createLocalKeyStore } from '../../src/cloud/keys/local.ts';
import { createOutboxMailer } from '../../src/cloud/mail/outbox.ts';
import { createDynamodbTables } from '../../src/cloud/tables/dynamodb.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { createMailMessages } from '../../src/outbox/mail-channel.ts';
import { createLog } from '../../src/platform/log.ts';
import { connectPostgres } from '../../src/platform/postgres.ts';
import { createProvisioning } from '../../src/provisioning/provision-tenant.ts';
import { UnusableResult } from '../../src/provisioning/step.ts';
import { createDirectory } from '../../src/tenancy/directory.ts';
import { governedParts } from './governed.ts';
import { openTestInfrastructure } from './test-infrastructure.ts';
import { createTestPlatform } from './test-statements.ts';

export interface ProvisioningProcessInput {
  connectionString: string;
  dynamodb: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  tablePrefix: string;
  masterKey: string;
  outbox: string;
  tenantId: TenantId;
  leaseMs: number;
  /** Settings of what tenants can have besides table and keys; absent: nothing. */
  infrastructure?: Readonly<Record<string, string>>;
}

const input = JSON.parse(process.argv[2] ?? '') as ProvisioningProcessInput;
const { TENANTRY_CRASH_AT: crashAt, FAIL_AT: failAt } = process.env;
const log = createLog({ level: 'silent' });
const [clock, random] = [systemClock, systemRandom];
const postgres = connectPostgres({ connectionString: new Secret(input.connectionString), log });
const tables = createDynamodbTables({
  ...input.dynamodb,
  capabilities: { timeToLive: false, pointInTimeRecovery: false, deletionProtection: false, tags: true },
  log,
});

const { tablePrefix } = input;
const publicUrl = new URL('http://localhost:3000');
const keyStore = createLocalKeyStore({
  table: tables.open(`${tablePrefix}-keys`),
  masterKey: Buffer.from(input.masterKey, 'base64'),
  clock,
  random,
});
const { statements } = await createTestPlatform({ tables, keyStore, tablePrefix, clock, publicUrl });

await createProvisioning({
  postgres,
  tables,
  tablePrefix,
  directory: createDirectory({ table: tables.open(`${tablePrefix}-directory`), clock }),
  keyStore,
  statements,
  mailer: createOutboxMailer({ directory: input.outbox, from: 'noreply@tenantry.example', clock, random }),
  postMail: createMailMessages({
    postgres,
    sealer: keyStore.forTenant('deployment' as TenantId),
    clock,
    random,
  }).post,
  oauthTeamEmail: 'oauth-team@operators.example',
  infrastructure:
    input.infrastructure === undefined
      ? { quotas: [] }
      : openTestInfrastructure({
          env: input.infrastructure,
          connectionString: input.connectionString,
          postgres,
          tables,
        }),
  publicUrl,
  signingAlgorithm: 'ES256',
  validation: 'automatic',
  compliance: 'automatic',
  clock,
  random,
  log,
  leaseMs: input.leaseMs,
  ...governedParts({ tables, keyStore, publicUrl, clock }),
  onPoint: async ({ step, phase }) => {
    if (`${step}/${phase}` === failAt) {
      throw new UnusableResult('The quota is used up.');
    }
    if (`${step}/${phase}` === crashAt) {
      process.kill(process.pid, 'SIGKILL');
      await new Promise(() => {});
    }
  },
}).run(input.tenantId);
await postgres.close();
