import type { Logger } from 'pino';
import { AppError } from '../kernel/errors.ts';
import { isPassingFault, type SdkError, type SendOptions, sdkError } from './sdk-faults.ts';

/** How an AWS service is reached by the control plane. */
export interface AwsAccess {
  /** Base URL of a compatible server; absent: AWS in `region`. */
  endpoint?: string;
  region: string;
  /** Absent: the SDK's default provider chain (environment, shared files, container or instance role). */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  log: Logger;
}

const connectMs = 2_000;
const attemptMs = 15_000;
const callMs = 40_000;

/** The settings of an SDK client that provisioning uses: patient, because nobody waits for an answer in a browser. */
export function awsClientSettings({ endpoint, region, credentials, log }: AwsAccess) {
  return {
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    retryMode: 'standard' as const,
    maxAttempts: 5,
    requestHandler: {
      connectionTimeout: connectMs,
      requestTimeout: attemptMs,
      // Without it the SDK only warns when an attempt takes too long.
      throwOnRequestTimeout: true,
      logger: log,
    },
  };
}

/**
 * Makes one call within its deadline. Throws `AppError('temporarily_unavailable')` when trying again later may help and
 * `AppError('server_error')` for every other refusal; `cause` is the SDK's error.
 */
export type AwsCall = <T>(operation: string, send: (options: SendOptions) => Promise<T>) => Promise<T>;

/** `service` names it in messages that requesters may read: "The load balancer". */
export function createAwsCall(service: string): AwsCall {
  return async (operation, send) => {
    try {
      return await send({ abortSignal: AbortSignal.timeout(callMs) });
    } catch (error) {
      throw translate(error, service, operation);
    }
  };
}

/** True when the service refused the call for one of these reasons. */
export function isRefusal(error: unknown, ...names: readonly string[]): boolean {
  return names.includes(sdkError(error).name);
}

/** What `look` finds; `undefined` when the service says, by one of these names, that it is not there. */
export async function unlessAbsent<T>(names: readonly string[], look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if (isRefusal(error, ...names)) {
      return undefined;
    }
    throw error;
  }
}

/** Refusals that pass when somebody else's change is through. */
const passingRefusals = new Set(['OperationAborted', 'PriorRequestNotComplete', 'SlowDown', 'Throttling']);

function translate(error: unknown, service: string, operation: string): unknown {
  if (!(error instanceof Error) || error instanceof AppError) {
    return error;
  }
  const { name, $fault }: SdkError = error;
  if (passingRefusals.has(name) || isPassingFault(error)) {
    return new AppError('temporarily_unavailable', `${service} cannot answer at the moment.`, {
      detail: `${operation}: ${name}`,
      cause: error,
    });
  }
  if ($fault !== undefined) {
    return new AppError('server_error', `${service} refused an operation.`, {
      detail: `${operation}: ${name}`,
      cause: error,
    });
  }
  return error;
}
