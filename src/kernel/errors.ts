/**
 * The one error type that crosses module edges. `message` may be shown to the caller; `detail` and `cause` are only logged.
 * Each edge (JSON, HTML, job) translates it once. A look-up that finds nothing returns `undefined` instead of throwing.
 */
const statusByCode = {
  invalid_request: 400,
  validation_failed: 400,
  invalid_token: 401,
  insufficient_scope: 403,
  separation_of_duties: 403,
  not_found: 404,
  method_not_allowed: 405,
  slug_unavailable: 409,
  already_decided: 409,
  not_ready: 409,
  conflict: 409,
  quota_exceeded: 409,
  precondition_failed: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  misdirected_request: 421,
  idempotency_key_reused: 422,
  precondition_required: 428,
  rate_limited: 429,
  server_error: 500,
  temporarily_unavailable: 503,
} as const;

/** The closed set of problem codes; stable, part of the API (docs/api.md). */
export type ErrorCode = keyof typeof statusByCode;

export const errorCodes = Object.keys(statusByCode) as ErrorCode[];

export function statusOf(code: ErrorCode): number {
  return statusByCode[code];
}

/** One invalid input field. `field` is a JSON path such as `requester.email`; `message` says what would be right. */
export interface FieldError {
  field: string;
  message: string;
}

export interface AppErrorOptions {
  fields?: readonly FieldError[];
  /** Response headers such as `Retry-After` or `WWW-Authenticate`. */
  headers?: Readonly<Record<string, string>>;
  /** Logged, never shown. */
  detail?: string;
  cause?: unknown;
}

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly fields: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;
  readonly detail: string | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.status = statusByCode[code];
    this.fields = options.fields ?? [];
    this.headers = options.headers ?? {};
    this.detail = options.detail;
  }
}
