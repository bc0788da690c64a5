import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { createDynamodbTables } from '../../src/cloud/tables/dynamodb.ts';
import type { TableCapabilities, Tables } from '../../src/cloud/tables/port.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { createLog } from '../../src/platform/log.ts';
import { connectPostgres, type Postgres } from '../../src/platform/postgres.ts';
import type { TestDynamodb } from './global-setup.ts';

/** What the embedded DynamoDB-compatible server can do. */
export const testTableCapabilities: TableCapabilities = {
  timeToLive: false,
  pointInTimeRecovery: false,
  deletionProtection: false,
  tags: true,
};

export const silentLog = createLog({ level: 'silent' });

export interface TestPostgres {
  connectionString: Secret;
  postgres: Postgres;
  /** Closes the pool and drops the database. */
  close(): Promise<void>;
}

/** A fresh, migrated database of its own. */
export async function createTestPostgres(): Promise<TestPostgres> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  const serverUrl = inject('postgresUrl');
  await runOnServer(`create database ${name} template template`);
  const connectionString = new Secret(serverUrl.replace(/postgres$/, name));
  const postgres = connectPostgres({ connectionString, log: silentLog });
  return {
    connectionString,
    postgres,
    async close() {
      await postgres.close();
      await runOnServer(`drop database ${name} with (force)`);
    },
  };
}

async function runOnServer(statement: string): Promise<void> {
  const admin = connectPostgres({
    connectionString: new Secret(inject('postgresUrl')),
    max: 1,
    log: silentLog,
  });
  try {
    await admin.query(statement);
  } finally {
    await admin.close();
  }
}

/** Where the DynamoDB-compatible server of this run is, the credentials it asks for, and what it can do. */
export function testDynamodb(): TestDynamodb {
  return inject('dynamodb');
}

/** Settings that the run gives to every server, by the names under which the environment gives them. */
export function testServerEnv(): Readonly<Record<string, string>> {
  return inject('serverEnv') ?? {};
}

/**
 * A real client of the DynamoDB-compatible server, or of a proxy in front of it. All tests share the server: name tables with
 * `testTablePrefix()`.
 */
export function createTestTables({ endpoint = testDynamodb().endpoint } = {}): Tables {
  return createDynamodbTables({
    ...testDynamodb(),
    endpoint,
    capabilities: testTableCapabilities,
    log: silentLog,
  });
}

/** A fresh prefix for the names of tables. */
export function testTablePrefix(): string {
  return `t${randomBytes(6).toString('hex')}`;
}
