import { expect, it } from 'vitest';
import type { TenantKeys } from '../../src/cloud/keys/port.ts';
import type { Mail } from '../../src/cloud/mail/port.ts';
import { createMailQueue } from '../../src/identity/mail-queue.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { createMailSweep } from '../../src/mail-sweep.ts';
import { testClock } from '../support/clock.ts';
import { createTestTables, silentLog, testTablePrefix } from '../support/services.ts';
import { tenantRecord } from '../tenancy/tenant-record.ts';
import { createTestDirectory } from '../tenancy/test-directory.ts';

/** Opens only what was sealed for the same tenant. */
function sealerOf(tenantId: string): TenantKeys {
  return {
    seal: async (purpose: string, text: Uint8Array) =>
      `${tenantId} ${purpose} ${Buffer.from(text).toString('hex')}`,
    async unseal(_purpose: string, sealed: string) {
      const [owner, , text = ''] = sealed.split(' ');
      if (owner !== tenantId) throw new Error('sealed for another tenant');
      return Buffer.from(text, 'hex');
    },
  } as unknown as TenantKeys;
}

it('sends what ended processes left, for every active tenant, and goes on when one has no table', async () => {
  const clock = testClock();
  const tables = createTestTables();
  const directory = await createTestDirectory(clock);
  const prefix = testTablePrefix();
  const arrived: string[] = [];
  const deps = {
    clock,
    random: systemRandom,
    log: silentLog,
    mailer: { send: async ({ to }: Mail) => void arrived.push(to) },
  };
  for (const [slug, status] of [
    ['away', 'active'],
    ['first', 'active'],
    ['held', 'suspended'],
    ['last', 'active'],
  ] as const) {
    const tableName = `${prefix}-${slug}`;
    const record = tenantRecord(slug, { status, tableName });
    await directory.reserve(record);
    if (slug === 'away') continue;
    await tables.create(tableName);
    const queue = createMailQueue({ ...deps, table: tables.open(tableName), sealer: sealerOf(record.id) });
    // Written down, and never attempted: the process ended.
    await queue.add({
      mail: { to: `${slug}@example.com`, subject: 'Hello', text: 'Hello' },
      template: 'welcome',
    });
  }
  const sweep = createMailSweep({
    ...deps,
    directory,
    tables,
    keyStore: { forTenant: (id) => sealerOf(id) },
  });
  await sweep.deliverDue();
  expect(arrived).toEqual([]);
  clock.advance(120_000);
  await sweep.deliverDue();
  expect(arrived.sort()).toEqual(['first@example.com', 'last@example.com']);
  await sweep.deliverDue();
  expect(arrived).toHaveLength(2);
});
