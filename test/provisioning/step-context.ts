import { randomBytes } from 'node:crypto';
import { createLocalKeyStore } from '../../src/cloud/keys/local.ts';
import type { RunId, Slug, TenantId } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import type { Step, StepContext, StepOutput, TenantRequest } from '../../src/provisioning/step.ts';
import { reserveDirectory } from '../../src/provisioning/steps/reserve-directory.ts';
import { createTenantSecrets } from '../../src/provisioning/tenant-secrets.ts';
import { createDirectory } from '../../src/tenancy/directory.ts';
import { testClock } from '../support/clock.ts';
import { createTestTables, testTablePrefix } from '../support/services.ts';

/** A directory, a key store, and tenants that are reserved in it: what steps for infrastructure stand on. */
export async function stepGround() {
  const tables = createTestTables();
  const prefix = testTablePrefix();
  const clock = testClock();
  await tables.create(`${prefix}-directory`);
  await tables.create(`${prefix}-keys`);
  const directory = createDirectory({ table: tables.open(`${prefix}-directory`), clock });
  const keyStore = createLocalKeyStore({
    table: tables.open(`${prefix}-keys`),
    masterKey: systemRandom.bytes(32),
    random: systemRandom,
    clock,
  });
  const secrets = createTenantSecrets({ directory, keyStore, random: systemRandom });

  async function context(request: TenantRequest = {}): Promise<StepContext> {
    const id = `ten_${randomBytes(16).toString('base64url')}` as TenantId;
    const made: StepContext = {
      runId: `run_${id}` as RunId,
      kind: 'provision',
      tenant: {
        id,
        slug: `acme-${randomBytes(4).toString('hex')}` as Slug,
        name: 'Acme',
        kind: 'tenant',
        tableName: `${prefix}-tenant-${id}`,
        createdBy: 'olga@operators.example',
        request,
      },
      fence: 1,
      stillHeld: async () => {},
      signal: new AbortController().signal,
    };
    await reserveDirectory({ directory, clock }).act(made);
    return made;
  }

  return { directory, keyStore, secrets, context };
}

/** Forward as the saga goes. */
export async function carryOut(step: Step, context: StepContext): Promise<StepOutput> {
  const output = (await step.check(context)) ?? (await step.act(context));
  await step.confirm(context, output);
  return output;
}
