import { AppError } from '../../kernel/errors.ts';
import { isPassingFault, type SdkError, type SendOptions } from '../sdk-faults.ts';
import { limitConcurrencyByKey } from './limit-concurrency.ts';

/** Sees every call: the DynamoDB operation's name, the table it is for (`''` when for none), and how many items a batch writes. */
export type OnCall = (call: { operation: string; table: string; batchSize?: number }) => void;

/**
 * Makes one call to the store within its deadline. Throws `AppError('temporarily_unavailable')` when trying again later may help and
 * `AppError('server_error')` for every other refusal of the store; `cause` is the SDK's error.
 */
export type StoreCall = <T>(
  operation: string,
  table: string,
  send: (options: SendOptions) => Promise<T>,
  batchSize?: number,
) => Promise<T>;

export function createStoreCall(settings: {
  deadlineMs: number;
  attemptMs?: number;
  /** Calls of one table at once; the deadline counts while others wait. Absent: any number. */
  maxPerTable?: number;
  onCall: OnCall | undefined;
}): StoreCall {
  const limited = limitConcurrencyByKey(settings.maxPerTable ?? Number.POSITIVE_INFINITY);
  return async (operation, table, send, batchSize) => {
    settings.onCall?.({ operation, table, ...(batchSize === undefined ? {} : { batchSize }) });
    const abortSignal = AbortSignal.timeout(settings.deadlineMs);
    try {
      return await limited(table, abortSignal, () =>
        send(
          settings.attemptMs === undefined
            ? { abortSignal }
            : { abortSignal, requestTimeout: settings.attemptMs },
        ),
      );
    } catch (error) {
      throw translate(error, `${operation} on ${table || 'no table'}`);
    }
  };
}

function translate(error: unknown, where: string): unknown {
  if (!(error instanceof Error)) {
    return error;
  }
  const { name, $fault }: SdkError = error;
  // Too many tables are changing at once.
  if (name === 'LimitExceededException' || isPassingFault(error)) {
    return new AppError('temporarily_unavailable', 'The storage cannot answer at the moment.', {
      headers: { 'Retry-After': '2' },
      detail: `${where}: ${name}`,
      cause: error,
    });
  }
  if ($fault !== undefined) {
    return new AppError('server_error', 'The storage refused an operation.', {
      detail: `${where}: ${name}`,
      cause: error,
    });
  }
  return error;
}
