import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  ListTablesCommand,
  type TableDescription as StoreDescription,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import type { Logger } from 'pino';
import { AppError } from '../../kernel/errors.ts';
import { sdkError } from '../sdk-faults.ts';
import type { StoreCall } from './dynamodb-call.ts';
import type { TableCapabilities, TableDescription, Tables } from './port.ts';

/** Creates, describes, lists and drops whole tables. Each operation moves towards its goal from whatever state it finds. */
export function createTableLifecycle(deps: {
  client: DynamoDBClient;
  call: StoreCall;
  capabilities: TableCapabilities;
  encryptionKey: string | undefined;
  /** Bounds how many tables change at once. */
  limited: <T>(work: () => Promise<T>) => Promise<T>;
  readyMs: number;
  log: Logger;
}): Pick<Tables, 'create' | 'describe' | 'inspect' | 'delete' | 'list'> {
  const { client, call, capabilities, encryptionKey, limited, readyMs, log } = deps;

  async function storeDescription(name: string): Promise<StoreDescription | undefined> {
    const answer = await tolerating(['ResourceNotFoundException'], () =>
      call('DescribeTable', name, (options) =>
        client.send(new DescribeTableCommand({ TableName: name }), options),
      ),
    );
    return answer?.Table;
  }

  async function requestCreation(name: string, tags: Readonly<Record<string, string>>): Promise<void> {
    const tagList = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    await tolerating(['ResourceInUseException'], () =>
      call('CreateTable', name, (options) =>
        client.send(
          new CreateTableCommand({
            ...tableShape,
            TableName: name,
            ...(capabilities.deletionProtection ? { DeletionProtectionEnabled: true } : {}),
            ...(encryptionKey === undefined
              ? {}
              : { SSESpecification: { Enabled: true, SSEType: 'KMS', KMSMasterKeyId: encryptionKey } }),
            ...(capabilities.tags && tagList.length > 0 ? { Tags: tagList } : {}),
          }),
          options,
        ),
      ),
    );
    log.info({ table: name }, 'table creation requested');
  }

  async function requestDeletion(name: string, description: StoreDescription): Promise<void> {
    // In use: still changing from an earlier step; the next look decides again.
    await tolerating(['ResourceInUseException', 'ResourceNotFoundException'], async () => {
      if (description.DeletionProtectionEnabled === true) {
        await call('UpdateTable', name, (options) =>
          client.send(new UpdateTableCommand({ TableName: name, DeletionProtectionEnabled: false }), options),
        );
      }
      await call('DeleteTable', name, (options) =>
        client.send(new DeleteTableCommand({ TableName: name }), options),
      );
      log.info({ table: name }, 'table deletion requested');
    });
  }

  async function hasTimeToLive(name: string): Promise<boolean> {
    const { TimeToLiveDescription } = await call('DescribeTimeToLive', name, (options) =>
      client.send(new DescribeTimeToLiveCommand({ TableName: name }), options),
    );
    return TimeToLiveDescription?.TimeToLiveStatus?.startsWith('ENABL') === true;
  }

  async function hasPointInTimeRecovery(name: string): Promise<boolean> {
    const { ContinuousBackupsDescription } = await call('DescribeContinuousBackups', name, (options) =>
      client.send(new DescribeContinuousBackupsCommand({ TableName: name }), options),
    );
    return (
      ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus === 'ENABLED'
    );
  }

  async function isProtected(name: string): Promise<boolean> {
    return (await storeDescription(name))?.DeletionProtectionEnabled === true;
  }

  async function enableTimeToLive(name: string): Promise<void> {
    await call('UpdateTimeToLive', name, (options) =>
      client.send(
        new UpdateTimeToLiveCommand({
          TableName: name,
          TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
        }),
        options,
      ),
    );
  }

  async function enablePointInTimeRecovery(name: string): Promise<void> {
    await call('UpdateContinuousBackups', name, (options) =>
      client.send(
        new UpdateContinuousBackupsCommand({
          TableName: name,
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        }),
        options,
      ),
    );
  }

  async function protect(name: string): Promise<void> {
    await call('UpdateTable', name, (options) =>
      client.send(new UpdateTableCommand({ TableName: name, DeletionProtectionEnabled: true }), options),
    );
  }

  /**
   * Changes the table until `isSo`. DynamoDB refuses to enable what is enabled, and to change what is changing: when another process does the
   * same at this moment, the next look finds it done.
   */
  async function ensure(
    name: string,
    isSo: (name: string) => Promise<boolean>,
    change: (name: string) => Promise<void>,
  ): Promise<void> {
    await until(name, readyMs, async () => {
      if (await isSo(name)) {
        return true;
      }
      try {
        await change(name);
        return true;
      } catch (error) {
        if (passingRefusals.includes(sdkError(error).name)) {
          return false;
        }
        if (await isSo(name)) {
          return true;
        }
        throw error;
      }
    });
  }

  async function create(name: string, tags: Readonly<Record<string, string>>): Promise<void> {
    await until(name, readyMs, async () => {
      const description = await storeDescription(name);
      if (description === undefined) {
        await requestCreation(name, tags);
      }
      return description !== undefined && statusOf(description) === 'active';
    });
    if (capabilities.timeToLive) {
      await ensure(name, hasTimeToLive, enableTimeToLive);
    }
    if (capabilities.pointInTimeRecovery) {
      await ensure(name, hasPointInTimeRecovery, enablePointInTimeRecovery);
    }
    if (capabilities.deletionProtection) {
      await ensure(name, isProtected, protect);
    }
  }

  async function inspect(name: string): Promise<string[]> {
    const description = await storeDescription(name);
    if (description === undefined) {
      return ['the table does not exist'];
    }
    const lacks: (string | false)[] = [
      capabilities.deletionProtection &&
        description.DeletionProtectionEnabled !== true &&
        'the table is not protected against deletion',
      capabilities.timeToLive &&
        !(await hasTimeToLive(name)) &&
        'expired items are not removed from the table',
      capabilities.pointInTimeRecovery &&
        !(await hasPointInTimeRecovery(name)) &&
        'the table cannot be restored to a point in time',
    ];
    return lacks.filter((problem) => problem !== false);
  }

  async function remove(name: string): Promise<void> {
    await until(name, readyMs, async () => {
      const description = await storeDescription(name);
      if (description !== undefined && statusOf(description) === 'active') {
        await requestDeletion(name, description);
      }
      return description === undefined;
    });
  }

  return {
    create: (name, tags = {}) => limited(() => create(name, tags)),

    async describe(name) {
      const description = await storeDescription(name);
      if (description === undefined) {
        return undefined;
      }
      const encryptionKey = description.SSEDescription?.KMSMasterKeyArn;
      return {
        name,
        status: statusOf(description),
        ...(encryptionKey === undefined ? {} : { encryptionKey }),
      };
    },

    inspect,

    delete: (name) => limited(() => remove(name)),

    async list(prefix) {
      const names: string[] = [];
      let after: string | undefined;
      do {
        const page = await call('ListTables', '', (options) =>
          client.send(
            new ListTablesCommand(after === undefined ? {} : { ExclusiveStartTableName: after }),
            options,
          ),
        );
        names.push(...(page.TableNames ?? []).filter((name) => name.startsWith(prefix)));
        after = page.LastEvaluatedTableName;
      } while (after !== undefined);
      return names;
    },
  };
}

const tableShape = {
  BillingMode: 'PAY_PER_REQUEST' as const,
  AttributeDefinitions: ['pk', 'sk', 'gsi1pk', 'gsi1sk'].map((AttributeName) => ({
    AttributeName,
    AttributeType: 'S' as const,
  })),
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' as const },
    { AttributeName: 'sk', KeyType: 'RANGE' as const },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'gsi1',
      KeySchema: [
        { AttributeName: 'gsi1pk', KeyType: 'HASH' as const },
        { AttributeName: 'gsi1sk', KeyType: 'RANGE' as const },
      ],
      Projection: { ProjectionType: 'ALL' as const },
    },
  ],
};

/** Backups are unavailable for some seconds after a table is created. */
const passingRefusals = ['ContinuousBackupsUnavailableException', 'ResourceInUseException'];

function statusOf({ TableName, TableStatus }: StoreDescription): TableDescription['status'] {
  switch (TableStatus) {
    case 'CREATING':
      return 'creating';
    case 'ACTIVE':
    case 'UPDATING':
      return 'active';
    case 'DELETING':
      return 'deleting';
    default:
      throw new AppError('server_error', 'The storage refused an operation.', {
        detail: `table ${TableName} is in state ${TableStatus}`,
      });
  }
}

/** The answer of `work`, or `undefined` when the store answers with one of the errors that are expected here. */
async function tolerating<T>(expected: readonly string[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (expected.includes(sdkError(error).name)) {
      return undefined;
    }
    throw error;
  }
}

/** Repeats `step` until it says the goal is reached, with growing pauses. */
async function until(name: string, limitMs: number, step: () => Promise<boolean>): Promise<void> {
  let waitedMs = 0;
  for (let pauseMs = 10; !(await step()); pauseMs = Math.min(pauseMs * 2, 2_000)) {
    if (waitedMs >= limitMs) {
      throw new AppError('temporarily_unavailable', 'The storage is not ready yet.', {
        headers: { 'Retry-After': '30' },
        detail: `table ${name} did not settle within ${limitMs} ms`,
      });
    }
    await delay(pauseMs);
    waitedMs += pauseMs;
  }
}
