/**
 * Web: the Koa pieces that both sides of the host use. Owns the error edge, security headers, host check, body reading, rate limits, client
 * addresses, the access log, and rendering with its CSRF tokens and assets. Owns no route and no policy of its own.
 *
 * This file is the JSON and HTML edge for errors: everything thrown below it leaves as one problem document (RFC 9457) or one page.
 */
import type { Context, Middleware } from 'koa';
import type { Logger } from 'pino';
import { AppError, type ErrorCode, type FieldError } from '../kernel/errors.ts';
import { requestIdOf } from './request-id.ts';

/** RFC 9457 problem document. `code` is stable; `errors` lists every invalid field and is empty for anything but invalid input (B9). */
export interface Problem {
  /** `urn:tenantry:problem:<code>`. */
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  errors: readonly FieldError[];
  requestId: string;
}

/** Renders a problem for people, in the language that the request asks for. The result is a whole HTML document. */
export type ErrorPage = (problem: Problem, context: Context) => string;

/**
 * Catches what everything below throws. An `AppError` is answered as it says; anything else becomes `500 server_error` that shows nothing.
 * Browsers get `errorPage`, except under `/api`, where everybody gets `application/problem+json`.
 */
export function answerErrors({ log, errorPage }: { log: Logger; errorPage: ErrorPage }): Middleware {
  return async (context, next) => {
    try {
      await next();
    } catch (thrown) {
      const error = toAppError(thrown);
      logError(log, context, error, thrown);
      if (context.headerSent || !context.writable) {
        // Part of the answer is out already: cutting the connection is the only way to tell the client that it is not whole.
        context.respond = false;
        context.res.destroy();
        return;
      }
      answer(context, error, errorPage);
    }
  };
}

function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) {
    return thrown;
  }
  const { status, expose } = (thrown ?? {}) as { status?: unknown; expose?: unknown };
  // Koa and its middleware throw http-errors; their texts are not ours, so only the status is taken over.
  const code = expose === true && typeof status === 'number' ? codeOfHttpError(status) : 'server_error';
  return new AppError(code, detailOfForeignError[code] ?? 'Something went wrong on our side.', {
    cause: thrown,
  });
}

function codeOfHttpError(status: number): ErrorCode {
  const codes: Readonly<Record<number, ErrorCode>> = {
    404: 'not_found',
    405: 'method_not_allowed',
    413: 'payload_too_large',
    415: 'unsupported_media_type',
    429: 'rate_limited',
    503: 'temporarily_unavailable',
  };
  return codes[status] ?? (status < 500 ? 'invalid_request' : 'server_error');
}

const detailOfForeignError: Partial<Record<ErrorCode, string>> = {
  invalid_request: 'The request could not be understood.',
  not_found: 'There is nothing at this address.',
  method_not_allowed: 'This method is not supported here.',
  payload_too_large: 'The body is too large.',
  unsupported_media_type: 'This kind of body is not supported here.',
  rate_limited: 'Too many requests. Try again later.',
  temporarily_unavailable: 'The service is not available right now. Try again shortly.',
};

function logError(log: Logger, context: Context, error: AppError, thrown: unknown): void {
  const entry = { requestId: requestIdOf(context), code: error.code, error: thrown };
  if (error.status >= 500 && error.code !== 'temporarily_unavailable') {
    log.error(entry, 'request failed');
  } else if (error.status >= 500) {
    log.warn(entry, 'request could not be served now');
  } else if (error.detail !== undefined || error.cause !== undefined) {
    log.info(entry, 'request refused');
  }
}

function answer(context: Context, error: AppError, errorPage: ErrorPage): void {
  const problem: Problem = {
    type: `urn:tenantry:problem:${error.code}`,
    title: titles[error.code],
    status: error.status,
    code: error.code,
    detail: error.message,
    errors: error.fields,
    requestId: requestIdOf(context),
  };
  for (const header of headersOfTheAbandonedAnswer) {
    context.remove(header);
  }
  context.respond = true;
  context.status = error.status;
  context.set({ ...error.headers, 'Cache-Control': 'no-store' });
  context.vary('Accept');
  if (prefersHtml(context)) {
    context.type = 'html';
    context.body = errorPage(problem, context);
  } else {
    context.body = JSON.stringify(problem);
    context.type = 'application/problem+json';
  }
}

/** What a handler may have said about the answer that it then did not give. */
const headersOfTheAbandonedAnswer = [
  'Content-Type',
  'Content-Length',
  'Content-Encoding',
  'ETag',
  'Last-Modified',
  'Location',
  'Set-Cookie',
];

function prefersHtml(context: Context): boolean {
  const isApi = /^\/api(?:[/?]|$)/.test(context.originalUrl);
  return !isApi && context.accepts('application/json', 'text/html') === 'text/html';
}

const titles: Readonly<Record<ErrorCode, string>> = {
  invalid_request: 'Invalid request',
  validation_failed: 'Invalid input',
  invalid_token: 'Invalid or missing access token',
  insufficient_scope: 'Not allowed',
  separation_of_duties: 'Another person must do this',
  not_found: 'Not found',
  method_not_allowed: 'Method not allowed',
  slug_unavailable: 'Slug not available',
  already_decided: 'Already decided',
  not_ready: 'Not ready',
  conflict: 'Conflict',
  quota_exceeded: 'Quota exceeded',
  precondition_failed: 'Changed meanwhile',
  payload_too_large: 'Body too large',
  unsupported_media_type: 'Unsupported media type',
  misdirected_request: 'Wrong host',
  idempotency_key_reused: 'Idempotency key reused',
  precondition_required: 'If-Match required',
  rate_limited: 'Too many requests',
  server_error: 'Server error',
  temporarily_unavailable: 'Temporarily unavailable',
};
