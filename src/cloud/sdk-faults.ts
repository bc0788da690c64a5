import { AppError } from '../kernel/errors.ts';

/** What the SDK adds to its errors. */
export interface SdkError extends Error {
  code?: string;
  $fault?: 'client' | 'server';
  $retryable?: { throttling?: boolean };
  $metadata?: { httpStatusCode?: number; attempts?: number };
}

/** What every call hands to the SDK. */
export interface SendOptions {
  abortSignal: AbortSignal;
  requestTimeout?: number;
}

/** The SDK's error behind an error of an adapter. */
export function sdkError(error: unknown): SdkError {
  const cause = error instanceof AppError ? error.cause : error;
  return cause instanceof Error ? cause : new Error('not an error');
}

/** True for faults of the way to the service or of its present load, after which the same call may succeed. */
export function isPassingFault(error: Error): boolean {
  const { name, code, $retryable, $metadata }: SdkError = error;
  const httpStatus = $metadata?.httpStatusCode ?? 0;
  return (
    passingErrors.has(name) ||
    networkErrors.has(code ?? '') ||
    $retryable !== undefined ||
    httpStatus === 429 ||
    httpStatus >= 500
  );
}

const passingErrors = new Set([
  'AbortError',
  'TimeoutError',
  'CredentialsProviderError',
  'InternalServerError',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ServiceUnavailable',
  'ThrottlingException',
]);

const networkErrors = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);
