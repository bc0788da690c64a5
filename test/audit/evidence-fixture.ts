import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { appendAudit } from '../../src/audit/audit-log.ts';
import { createCheckpoints } from '../../src/audit/checkpoints.ts';
import { type ExportFilter, exportAudit } from '../../src/audit/export-audit.ts';
import { createLocalKeyStore } from '../../src/cloud/keys/local.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { testClock } from '../support/clock.ts';
import { createTestPostgres, createTestTables, silentLog, testTablePrefix } from '../support/services.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { createTestPlatform } from '../support/test-statements.ts';

const scripts = join(import.meta.dirname, '../../scripts');

/** Runs a verifier as an auditor would: a process of its own, with files only. */
export async function runVerifier(
  name: 'verify-audit' | 'verify-receipt',
  args: readonly string[],
): Promise<{ code: number; output: string }> {
  return await new Promise((resolve) => {
    execFile(process.execPath, [join(scripts, `${name}.ts`), ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: `${stdout}${stderr}` });
    });
  });
}

/** An audit log on a database of its own, whose superuser the tests play, with checkpoints signed by a real key. */
export async function createAuditFixture() {
  const database = await createTestPostgres();
  const { postgres } = database;
  const tables = createTestTables();
  const tablePrefix = testTablePrefix();
  const clock = testClock();
  await tables.create(`${tablePrefix}-keys`);
  const keyStore = createLocalKeyStore({
    table: tables.open(`${tablePrefix}-keys`),
    masterKey: randomBytes(32),
    random: systemRandom,
    clock,
  });
  const publicUrl = new URL('https://id.example.com');
  const platform = await createTestPlatform({ tables, keyStore, tablePrefix, clock, publicUrl });
  const table = tables.open(platform.record.tableName);
  const checkpoints = createCheckpoints({
    db: postgres,
    openTable: async () => table,
    statements: platform.statements,
    clock,
    log: silentLog,
  });

  return {
    postgres,
    clock,
    platform,
    table,
    checkpoints,
    close: () => database.close(),

    /** Appends `count` events to the tenant's chain. */
    async append(chain: string, count: number): Promise<void> {
      for (let index = 0; index < count; index += 1) {
        await postgres.transaction((transaction) =>
          appendAudit(transaction, clock, {
            event: 'test.happened',
            severity: 'info',
            tenantId: chain as TenantId,
            actor: { kind: 'operator', id: 'acc_1', email: 'ann@example.com' },
            details: { index, text: `é "${index}"`, nested: { b: [1, null], a: true } },
          }),
        );
        clock.advance(1_000);
      }
    },

    /** What somebody with every right in the database can do. */
    async asSuperuser(statement: string, values: readonly unknown[] = []): Promise<void> {
      await postgres.transaction(async (transaction) => {
        await transaction.query('alter table audit_events disable trigger all');
        await transaction.query(statement, values);
        await transaction.query('alter table audit_events enable trigger all');
      });
    },

    async export(filter: ExportFilter = {}): Promise<string[]> {
      const lines: string[] = [];
      for await (const line of exportAudit({ db: postgres, checkpoints }, filter)) {
        lines.push(line);
      }
      return lines;
    },

    /** Verifies lines offline, with the keys that the platform publishes unless told otherwise. */
    async verifyOffline(lines: readonly string[], { withKeys = true } = {}) {
      const directory = await temporaryDirectory();
      const file = join(directory, 'audit.ndjson');
      const jwks = join(directory, 'jwks.json');
      await writeFile(file, lines.join(''));
      await writeFile(jwks, JSON.stringify({ keys: await platform.statements.keys() }));
      return await runVerifier('verify-audit', [file, ...(withKeys ? ['--jwks', jwks] : [])]);
    },
  };
}

export type AuditFixture = Awaited<ReturnType<typeof createAuditFixture>>;
