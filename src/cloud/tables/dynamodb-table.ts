import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  BatchWriteCommand,
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { AppError } from '../../kernel/errors.ts';
import { sdkError } from '../sdk-faults.ts';
import type { StoreCall } from './dynamodb-call.ts';
import { ExpressionBuilder } from './dynamodb-expressions.ts';
import { decodeCursor, encodeCursor } from './page-cursor.ts';
import { ConditionFailed, type Item, type ItemKey, type Query, type Table } from './port.ts';

/**
 * Marks an item with the conditional write that last changed it. A retry after a lost reply meets its own effect and fails its own
 * condition; the mark tells that apart from a condition somebody else won. Never leaves this file.
 */
const writeMark = '_write';

const batchSize = 25;
const batchAttempts = 8;

/** Operations on the one table `name`. */
export function openDynamodbTable(deps: {
  documents: DynamoDBDocumentClient;
  call: StoreCall;
  name: string;
}): Table {
  const { documents, call, name } = deps;

  async function read(key: ItemKey): Promise<Item | undefined> {
    const { Item: item } = await call('GetItem', name, (options) =>
      documents.send(new GetCommand({ TableName: name, Key: keyOf(key), ConsistentRead: true }), options),
    );
    return item as Item | undefined;
  }

  /** Runs a conditional write; `afterRetry` decides what a condition means that failed only after a retry. */
  async function conditionally<T>(write: () => Promise<T>, afterRetry: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      const { name: reason, $metadata } = sdkError(error);
      if (reason !== 'ConditionalCheckFailedException') {
        throw error;
      }
      if (($metadata?.attempts ?? 1) > 1) {
        return await afterRetry();
      }
      throw new ConditionFailed(name);
    }
  }

  /** Runs a conditional write that leaves its mark. When no answer arrives at all, the item may still tell that it took effect. */
  async function marking(key: ItemKey, mark: string, write: () => Promise<Item>): Promise<Item> {
    try {
      return await conditionally(write, () => ownEffect(key, mark));
    } catch (error) {
      if (error instanceof AppError && error.code === 'temporarily_unavailable') {
        const effect = await ownEffect(key, mark).catch(() => undefined);
        if (effect !== undefined) {
          return effect;
        }
      }
      throw error;
    }
  }

  /** The item as our own earlier attempt left it, or the failed condition. */
  async function ownEffect(key: ItemKey, mark: string): Promise<Item> {
    const item = await read(key);
    if (item?.[writeMark] !== mark) {
      throw new ConditionFailed(name);
    }
    return withoutMark(item);
  }

  async function writeBatch(chunk: BatchRequest[]): Promise<void> {
    let pending = chunk;
    for (let attempt = 0; pending.length > 0; attempt += 1) {
      if (attempt === batchAttempts) {
        throw new AppError('temporarily_unavailable', 'The storage cannot answer at the moment.', {
          headers: { 'Retry-After': '2' },
          detail: `BatchWriteItem on ${name}: ${pending.length} writes stay unprocessed`,
        });
      }
      if (attempt > 0) {
        await delay(Math.random() * Math.min(50 * 2 ** attempt, 2_000));
      }
      const requests = pending;
      const { UnprocessedItems } = await call(
        'BatchWriteItem',
        name,
        (options) => documents.send(new BatchWriteCommand({ RequestItems: { [name]: requests } }), options),
        requests.length,
      );
      pending = (UnprocessedItems?.[name] ?? []) as BatchRequest[];
    }
  }

  return {
    name,

    async get(key) {
      const item = await read(key);
      return item === undefined ? undefined : withoutMark(item);
    },

    async put(item, condition) {
      const expressions = new ExpressionBuilder().condition(condition).build();
      const mark = condition === undefined ? undefined : randomUUID();
      const write = async () => {
        const Item = mark === undefined ? item : { ...item, [writeMark]: mark };
        await call('PutItem', name, (options) =>
          documents.send(new PutCommand({ TableName: name, Item, ...expressions }), options),
        );
        return item;
      };
      await (mark === undefined ? write() : marking(item, mark, write));
    },

    async update(key, change, condition) {
      const mark = condition === undefined ? undefined : randomUUID();
      const marked = mark === undefined ? change : { ...change, set: { ...change.set, [writeMark]: mark } };
      const expressions = new ExpressionBuilder().change(marked).condition(condition).build();
      const write = async () => {
        const { Attributes } = await call('UpdateItem', name, (options) =>
          documents.send(
            new UpdateCommand({ TableName: name, Key: keyOf(key), ReturnValues: 'ALL_NEW', ...expressions }),
            options,
          ),
        );
        // An update that neither sets nor removes anything may answer without attributes.
        return withoutMark({ ...keyOf(key), ...Attributes } as Item);
      };
      return await (mark === undefined ? write() : marking(key, mark, write));
    },

    async delete(key, condition) {
      const expressions = new ExpressionBuilder().condition(condition).build();
      const write = async () => {
        await call('DeleteItem', name, (options) =>
          documents.send(new DeleteCommand({ TableName: name, Key: keyOf(key), ...expressions }), options),
        );
      };
      await conditionally(write, async () => {
        if ((await read(key)) !== undefined) {
          throw new ConditionFailed(name);
        }
        // Gone, and nothing is left to tell who removed it: the caller's next try meets a plain answer.
        throw new AppError('temporarily_unavailable', 'The storage cannot answer at the moment.', {
          headers: { 'Retry-After': '1' },
          detail: `DeleteItem on ${name}: outcome unknown after a lost reply`,
        });
      });
    },

    async query(query) {
      const { Items, LastEvaluatedKey } = await call('Query', name, (options) =>
        documents.send(new QueryCommand({ TableName: name, ...queryInput(query) }), options),
      );
      return {
        items: (Items ?? []).map((item) => withoutMark(item as Item)),
        ...(LastEvaluatedKey === undefined ? {} : { cursor: encodeCursor(query, LastEvaluatedKey) }),
      };
    },

    async *scan() {
      let from: Record<string, unknown> | undefined;
      do {
        const { Items, LastEvaluatedKey } = await call('Scan', name, (options) =>
          documents.send(
            new ScanCommand({
              TableName: name,
              ConsistentRead: true,
              ...(from === undefined ? {} : { ExclusiveStartKey: from }),
            }),
            options,
          ),
        );
        yield* (Items ?? []).map((item) => withoutMark(item as Item));
        from = LastEvaluatedKey;
      } while (from !== undefined);
    },

    async batchWrite(writes) {
      // DynamoDB refuses two writes of one key in a batch; the last one of a key decides.
      const lastByKey = new Map<string, BatchRequest>();
      for (const write of writes) {
        const { pk, sk } = 'put' in write ? write.put : write.delete;
        const request =
          'put' in write
            ? { PutRequest: { Item: write.put } }
            : { DeleteRequest: { Key: keyOf(write.delete) } };
        lastByKey.set(JSON.stringify([pk, sk]), request);
      }
      const requests = [...lastByKey.values()];
      for (let start = 0; start < requests.length; start += batchSize) {
        await writeBatch(requests.slice(start, start + batchSize));
      }
    },
  };
}

type BatchRequest = { PutRequest: { Item: Item } } | { DeleteRequest: { Key: { pk: string; sk: string } } };

function keyOf({ pk, sk }: ItemKey): { pk: string; sk: string } {
  return { pk, sk };
}

function withoutMark({ [writeMark]: _mark, ...item }: Item): Item {
  return item as Item;
}

function queryInput(query: Query) {
  const [partition, sort] = query.index === undefined ? ['pk', 'sk'] : ['gsi1pk', 'gsi1sk'];
  const expressions = new ExpressionBuilder()
    .keys(
      { attribute: partition as string, equals: query.pk },
      { attribute: sort as string, prefix: query.skPrefix, below: query.skBelow },
    )
    .build();
  return {
    ...expressions,
    ...(query.index === undefined ? { ConsistentRead: true } : { IndexName: query.index }),
    ...(query.cursor === undefined ? {} : { ExclusiveStartKey: decodeCursor(query, query.cursor) }),
    Limit: query.limit ?? 100,
    ScanIndexForward: query.order !== 'descending',
  };
}
