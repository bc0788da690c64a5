import { KMSClient } from '@aws-sdk/client-kms';
import type { Logger } from 'pino';
import { AppError } from '../../kernel/errors.ts';
import { createBoundedRetries } from '../retries.ts';
import { isPassingFault, type SdkError, type SendOptions, sdkError } from '../sdk-faults.ts';
import type { Verdict } from './breaker.ts';

/** Sees every call: the KMS operation's name. */
export type OnKmsCall = (call: { operation: string }) => void;

/** How KMS is reached. */
export interface KmsConnectionOptions {
  /** Base URL of a KMS-compatible server; absent: AWS in `region`. */
  endpoint?: string;
  region: string;
  /** Absent: the SDK's default provider chain (environment, shared files, container or instance role). */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  log: Logger;
  /** Called once per call before it is made; retries inside a call are not counted again. */
  onCall?: OnKmsCall;
  timings?: Partial<KmsTimings>;
}

/** All in milliseconds. */
export interface KmsTimings {
  connectMs: number;
  /** One attempt to sign or decrypt, and all of them with their pauses. */
  attemptMs: number;
  useMs: number;
  /** One attempt of a call about a key itself, and all of them with their pauses. */
  manageAttemptMs: number;
  manageMs: number;
}

const defaultTimings: KmsTimings = {
  connectMs: 1_000,
  attemptMs: 1_000,
  useMs: 4_000,
  manageAttemptMs: 5_000,
  manageMs: 15_000,
};

type Send<T> = (client: KMSClient, options: SendOptions) => Promise<T>;

/**
 * Calls to KMS, each within its deadline. They throw `AppError('temporarily_unavailable')` when trying again later may help and
 * `AppError('server_error')` for every other refusal; `cause` is the SDK's error.
 */
export interface KmsConnection {
  /** Signing and decrypting: on somebody's request path. */
  use<T>(send: Send<T>): Promise<T>;
  /** Calls about a key itself. */
  manage<T>(send: Send<T>): Promise<T>;
  /** A single attempt, for the call that must not be repeated blindly. */
  manageOnce<T>(send: Send<T>): Promise<T>;
  close(): void;
}

/** Makes no call before it is used. */
export function connectKms(options: KmsConnectionOptions): KmsConnection {
  const timings = { ...defaultTimings, ...options.timings };
  const agent = { keepAlive: true, maxSockets: 400 };

  function clientWith(maxAttempts: number): KMSClient {
    const client = new KMSClient({
      region: options.region,
      ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
      ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
      maxAttempts,
      retryStrategy: createBoundedRetries(maxAttempts),
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
    client.middlewareStack.add(
      (next, { commandName = '' }) =>
        (args) => {
          options.onCall?.({ operation: String(commandName).replace(/Command$/, '') });
          return next(args);
        },
      { step: 'initialize', name: 'countCall' },
    );
    return client;
  }

  const client = clientWith(3);
  const managing = clientWith(4);
  const once = clientWith(1);

  async function within<T>(deadlineMs: number, attemptMs: number, by: KMSClient, send: Send<T>): Promise<T> {
    try {
      return await send(by, { abortSignal: AbortSignal.timeout(deadlineMs), requestTimeout: attemptMs });
    } catch (error) {
      throw translate(error);
    }
  }

  return {
    use: (send) => within(timings.useMs, timings.attemptMs, client, send),
    manage: (send) => within(timings.manageMs, timings.manageAttemptMs, managing, send),
    manageOnce: (send) => within(timings.manageMs, timings.manageMs, once, send),
    close() {
      for (const each of [client, managing, once]) {
        each.destroy();
      }
    },
  };
}

/** True when a call about a key failed because KMS knows none of that name. */
export function isUnknownKey(error: unknown): boolean {
  return sdkError(error).name === 'NotFoundException';
}

/** Throttling is about the account, a disabled key about itself, and a time-out may be either. */
export function judgeKmsFault(error: unknown): Verdict {
  if (error instanceof AppError && error.cause === undefined) {
    // Our own refusal, for instance of the budget: KMS was not asked.
    return 'ignore';
  }
  const cause: SdkError = sdkError(error);
  if (outOfService.has(cause.name)) {
    return 'trip';
  }
  if (throttling.has(cause.name) || cause.$retryable?.throttling === true) {
    return 'ignore';
  }
  return 'count';
}

const throttling = new Set(['ThrottlingException', 'TooManyRequestsException', 'RequestLimitExceeded']);

/** The key exists and cannot be used until somebody changes something. */
const outOfService = new Set([
  'AccessDeniedException',
  'DisabledException',
  'KMSInvalidStateException',
  'KeyUnavailableException',
]);

const passingNames = new Set([
  'DependencyTimeoutException',
  'KMSInternalException',
  'KeyUnavailableException',
]);

/** Somebody may repair these while the client waits; a key that is gone never comes back. */
const repairable = new Set(['AccessDeniedException', 'DisabledException']);

function translate(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AppError) {
    return error;
  }
  const { name, $fault }: SdkError = error;
  if (repairable.has(name) || passingNames.has(name) || isPassingFault(error)) {
    return new AppError('temporarily_unavailable', 'The key store cannot answer at the moment.', {
      headers: { 'Retry-After': repairable.has(name) ? '30' : '2' },
      detail: `KMS: ${name}`,
      cause: error,
    });
  }
  if ($fault !== undefined) {
    return new AppError('server_error', 'The signing key cannot be used.', {
      detail: `KMS: ${name}`,
      cause: error,
    });
  }
  return error;
}
