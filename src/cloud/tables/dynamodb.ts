/**
 * The tables port on DynamoDB, or on anything that speaks its protocol.
 *
 * Owns: the SDK client with its connections, retries and time limits; the shape of every table; the translation of the store's errors.
 * Does not own: what the items mean, and which table belongs to whom.
 *
 * Flow: `createDynamodbTables` makes one client for the process. Every call goes through `StoreCall` (dynamodb-call.ts), which counts it,
 * bounds it in time and translates its errors. Table operations are in dynamodb-table.ts, tables as a whole in dynamodb-lifecycle.ts,
 * and the expressions of DynamoDB's own language in dynamodb-expressions.ts.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Logger } from 'pino';
import { createBoundedRetries } from '../retries.ts';
import { createStoreCall, type OnCall } from './dynamodb-call.ts';
import { createTableLifecycle } from './dynamodb-lifecycle.ts';
import { openDynamodbTable } from './dynamodb-table.ts';
import { limitConcurrency } from './limit-concurrency.ts';
import type { TableCapabilities, Tables } from './port.ts';

export interface DynamodbOptions {
  /** Base URL of a DynamoDB-compatible server; absent: AWS in `region`. */
  endpoint?: string;
  region: string;
  /** Absent: the SDK's default provider chain (environment, shared files, container or instance role). */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  capabilities: TableCapabilities;
  /** ARN, id or alias of the KMS key that encrypts new tables; absent: a key that DynamoDB owns. */
  encryptionKey?: string;
  /** Calls of one table under way at once, so that one that hangs leaves connections to the others; further ones wait. Default 64. */
  maxCallsPerTable?: number;
  /** Tables being created or deleted at once; DynamoDB allows an account 500 in one region. Default 50. */
  maxTableOperations?: number;
  log: Logger;
  /** Called once per call before it is made; retries inside a call are not counted again. */
  onCall?: OnCall;
  timings?: Partial<DynamodbTimings>;
}

/** All in milliseconds. */
export interface DynamodbTimings {
  connectMs: number;
  /** One attempt of a data operation. */
  attemptMs: number;
  /** A whole data operation, with its retries. */
  callMs: number;
  /** A whole call about a table itself; the embedded server needs seconds to drop one among a thousand. */
  tableCallMs: number;
  /** How long a table may take to become active or to disappear. */
  tableReadyMs: number;
}

const defaultTimings: DynamodbTimings = {
  connectMs: 1_000,
  attemptMs: 3_000,
  callMs: 8_000,
  tableCallMs: 30_000,
  tableReadyMs: 300_000,
};

export interface DynamodbTables extends Tables {
  /** Closes the idle connections; no call may follow. */
  close(): void;
}

const maxAttempts = 4;

/** Eight tables may hang with all the calls that they may have under way, and the others still have connections. */
const maxSockets = 640;

/** Tables over one SDK client. Makes no call before it is used. */
export function createDynamodbTables(options: DynamodbOptions): DynamodbTables {
  const timings = { ...defaultTimings, ...options.timings };
  const agent = { keepAlive: true, maxSockets };
  const client = new DynamoDBClient({
    region: options.region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    maxAttempts,
    retryStrategy: createBoundedRetries(maxAttempts, { budgeted: true }),
    requestHandler: {
      connectionTimeout: timings.connectMs,
      requestTimeout: timings.attemptMs,
      // Without it the SDK only warns when an attempt takes too long.
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
      logger: options.log,
    },
  });
  // It copies the input and output of every call for a log that nobody keeps.
  client.middlewareStack.remove('loggerMiddleware');
  shareEndpoint(client);
  budgetRetriesByTable(client);
  const documents = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  const dataCall = createStoreCall({
    deadlineMs: timings.callMs,
    maxPerTable: options.maxCallsPerTable ?? 64,
    onCall: options.onCall,
  });
  const tableCall = createStoreCall({
    deadlineMs: timings.tableCallMs,
    attemptMs: timings.tableCallMs,
    onCall: options.onCall,
  });
  const lifecycle = createTableLifecycle({
    client,
    call: tableCall,
    capabilities: options.capabilities,
    encryptionKey: options.encryptionKey,
    limited: limitConcurrency(options.maxTableOperations ?? 50),
    readyMs: timings.tableReadyMs,
    log: options.log,
  });
  return {
    capabilities: options.capabilities,
    ...lifecycle,
    open: (name) => openDynamodbTable({ documents, call: dataCall, name }),
    close: () => client.destroy(),
  };
}

/** Each table has its own budget of retries: the failing table of one tenant leaves nobody else without. */
function budgetRetriesByTable({ middlewareStack }: DynamoDBClient): void {
  middlewareStack.add(
    (next, context) => (args) => {
      Object.assign(context, { partition_id: tableOf(args.input) });
      return next(args);
    },
    { step: 'initialize', name: 'budgetRetriesByTable' },
  );
}

/** The one table of the call; `''` for calls about none. */
function tableOf(input: object): string {
  const { TableName, RequestItems = {} }: { TableName?: string; RequestItems?: object } = input;
  return TableName ?? Object.keys(RequestItems)[0] ?? '';
}

/**
 * The SDK remembers some 60 resolved endpoints, each for one table: with more tenants than that it would work out every call's anew. A name
 * that is no ARN decides nothing about the endpoint, so all tables share one.
 */
function shareEndpoint({ config }: DynamoDBClient): void {
  const resolveEndpoint = config.endpointProvider;
  config.endpointProvider = ({ ResourceArn: _, ResourceArnList: __, ...parameters }, context) =>
    resolveEndpoint(parameters, context);
}
