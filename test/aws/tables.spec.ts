import { createDynamodbTables } from '../../src/cloud/tables/dynamodb.ts';
import { tablesConformance } from '../conformance/tables.ts';
import { createTestTables, silentLog, testTablePrefix } from '../support/services.ts';
import { allTableCapabilities, describeWithDifferences, emulator } from './emulators.ts';

tablesConformance('dynalite', async () => ({ tables: createTestTables(), prefix: testTablePrefix() }));

const differences = {
  ministack: {},
  moto: {
    'creates by an unconditional update':
      'it answers 500 to an UpdateItem without UpdateExpression, which AWS takes',
    'counts up to a bound, however many come at once':
      'it answers 500 to a condition that compares a text with a number, which AWS takes for false',
  },
};

for (const name of ['ministack', 'moto'] as const) {
  describeWithDifferences(name, differences[name], () => {
    tablesConformance(name, async () => ({
      tables: createDynamodbTables({
        ...emulator(name),
        capabilities: allTableCapabilities,
        log: silentLog,
      }),
      prefix: testTablePrefix(),
    }));
  });
}
