import { createDynamodbTables } from '../../src/cloud/tables/dynamodb.ts';
import { tablesConformance } from '../conformance/tables.ts';
import { createTestTables, silentLog, testTablePrefix } from '../support/services.ts';

tablesConformance('DynamoDB protocol, embedded server', async () => ({
  tables: createTestTables(),
  prefix: testTablePrefix(),
}));

/** Any other store that speaks the protocol and has everything the port can use, for instance an AWS emulator. */
const otherEndpoint = process.env.TEST_DYNAMODB_ENDPOINT;
if (otherEndpoint !== undefined) {
  tablesConformance(`DynamoDB protocol, ${otherEndpoint}`, async () => ({
    tables: createDynamodbTables({
      endpoint: otherEndpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      capabilities: { timeToLive: true, pointInTimeRecovery: true, deletionProtection: true, tags: true },
      log: silentLog,
    }),
    prefix: testTablePrefix(),
  }));
}
