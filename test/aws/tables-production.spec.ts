import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  ListTagsOfResourceCommand,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { describe, expect, it } from 'vitest';
import { createDynamodbTables } from '../../src/cloud/tables/dynamodb.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { silentLog, testTablePrefix } from '../support/services.ts';
import { allTableCapabilities, emulator } from './emulators.ts';

describe.each(['ministack', 'moto'] as const)('a production table on %s', (name) => {
  it('has everything that was asked for, and goes in spite of its protection', async () => {
    const { KeyMetadata } = await new KMSClient(emulator(name)).send(new CreateKeyCommand({}));
    const encryptionKey = KeyMetadata?.Arn ?? '';
    const tables = createDynamodbTables({
      ...emulator(name),
      capabilities: allTableCapabilities,
      encryptionKey,
      log: silentLog,
    });
    const TableName = `${testTablePrefix()}-tenant-ten_x`;
    await tables.create(TableName, { 'tenantry:tenant': 'ten_x' });
    // A second call finds everything in place.
    await tables.create(TableName, { 'tenantry:tenant': 'ten_x' });

    const client = new DynamoDBClient(emulator(name));
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    expect(Table).toMatchObject({
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
      DeletionProtectionEnabled: true,
      SSEDescription: { Status: 'ENABLED', SSEType: 'KMS', KMSMasterKeyArn: encryptionKey },
    });
    const backups = await client.send(new DescribeContinuousBackupsCommand({ TableName }));
    expect(
      backups.ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus,
    ).toBe('ENABLED');
    const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName }));
    expect(TimeToLiveDescription).toMatchObject({ AttributeName: 'expiresAt', TimeToLiveStatus: 'ENABLED' });
    const { Tags } = await client.send(new ListTagsOfResourceCommand({ ResourceArn: Table?.TableArn }));
    expect(Tags).toStrictEqual([{ Key: 'tenantry:tenant', Value: 'ten_x' }]);

    expect(await tables.inspect(TableName)).toEqual([]);

    // What somebody took from it is found, and comes back.
    await client.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false }));
    await client.send(
      new UpdateContinuousBackupsCommand({
        TableName,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: false },
      }),
    );
    expect(await tables.inspect(TableName)).toEqual([
      'the table is not protected against deletion',
      'the table cannot be restored to a point in time',
    ]);
    await tables.create(TableName, { 'tenantry:tenant': 'ten_x' });
    expect(await tables.inspect(TableName)).toEqual([]);

    await tables.delete(TableName);
    expect(await tables.describe(TableName)).toBeUndefined();
    expect(await tables.inspect(TableName)).toEqual(['the table does not exist']);
    tables.close();
  });
});

describe('a production table that two processes make at once', () => {
  const open = (endpoint: string) =>
    createDynamodbTables({
      ...emulator('ministack'),
      endpoint,
      capabilities: allTableCapabilities,
      log: silentLog,
    });

  it.each([
    ['UpdateTimeToLive', 'ValidationException'],
    ['UpdateTimeToLive', 'ResourceInUseException'],
    ['UpdateContinuousBackups', 'ContinuousBackupsUnavailableException'],
    ['UpdateContinuousBackups', 'ResourceInUseException'],
    ['UpdateTable', 'ResourceInUseException'],
    ['UpdateTable', 'ValidationException'],
  ])('is complete for both, although one is refused %s (%s)', async (operation, error) => {
    const proxy = await startFaultProxy(emulator('ministack').endpoint);
    const [struck, other] = [open(proxy.endpoint), open(emulator('ministack').endpoint)];
    const name = `${testTablePrefix()}-keys`;
    await other.create(name);
    const client = new DynamoDBClient(emulator('ministack'));
    await client.send(new UpdateTableCommand({ TableName: name, DeletionProtectionEnabled: false }));
    await client.send(
      new UpdateTimeToLiveCommand({
        TableName: name,
        TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: false },
      }),
    );
    await client.send(
      new UpdateContinuousBackupsCommand({
        TableName: name,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: false },
      }),
    );
    const refused = proxy.inject({
      fault: { kind: 'refuse', error, meanwhile: () => other.create(name) },
      when: (request) => request.operation === operation,
    });
    await struck.create(name);
    expect(refused.struck()).toBe(1);
    expect(await other.inspect(name)).toEqual([]);
    for (const tables of [struck, other]) tables.close();
    await proxy.close();
  });

  it('is complete for all of several, whoever comes first', async () => {
    const all = Array.from({ length: 5 }, () => open(emulator('ministack').endpoint));
    const name = `${testTablePrefix()}-keys`;
    await Promise.all(all.map((tables) => tables.create(name)));
    expect(await all[0]?.inspect(name)).toEqual([]);
    for (const tables of all) tables.close();
  });

  it('fails when it is refused for good', async () => {
    const proxy = await startFaultProxy(emulator('ministack').endpoint);
    const tables = open(proxy.endpoint);
    proxy.inject({
      fault: { kind: 'refuse', error: 'ValidationException' },
      when: ({ operation }) => operation === 'UpdateTimeToLive',
    });
    await expect(tables.create(`${testTablePrefix()}-keys`)).rejects.toMatchObject({ code: 'server_error' });
    tables.close();
    await proxy.close();
  });
});

it('changes no more tables at once than allowed', async () => {
  const proxy = await startFaultProxy(emulator('ministack').endpoint);
  const tables = createDynamodbTables({
    ...emulator('ministack'),
    endpoint: proxy.endpoint,
    capabilities: allTableCapabilities,
    maxTableOperations: 1,
    log: silentLog,
  });
  const prefix = testTablePrefix();
  const names = ['a', 'b', 'c'].map((name) => `${prefix}-${name}`);
  await Promise.all(names.map((name) => tables.create(name)));
  const order = proxy.seen.map(({ input }) => String(input.TableName));
  expect(order).toStrictEqual([...order].sort());
  expect(new Set(order).size).toBe(3);
  proxy.clear();
  await Promise.all(names.map((name) => tables.delete(name)));
  expect(proxy.seen.map(({ input }) => input.TableName)).toStrictEqual(
    proxy.seen.map(({ input }) => input.TableName).sort(),
  );
  tables.close();
  await proxy.close();
});
