import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Field names whose values never reach the log, at the top level and inside one enclosing object. */
const secretFields = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'token',
  'client_secret',
  'clientSecret',
  'access_token',
  'refresh_token',
  'id_token',
  'code',
  'masterKey',
  'connectionString',
];

/**
 * A structured logger that writes one JSON object per line to stdout (or to `destination`). Secrets are redacted by field name; values of
 * the `Secret` type print redacted anyway. Database errors lose the fields that can quote row values.
 */
export function createLog({ level }: { level: LogLevel }, destination?: DestinationStream): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: [
        ...secretFields.flatMap((field) => [field, `*.${field}`]),
        'headers["set-cookie"]',
        '*.headers.authorization',
        '*.headers.cookie',
        '*.headers["set-cookie"]',
      ],
      censor: '[redacted]',
    },
    serializers: { err: describeError, error: describeError },
  };
  // Buffered, a line that is left when the process ends is tried for ever once nobody reads the pipe any more, and the process stays.
  return pino(options, destination ?? pino.destination({ dest: process.stdout.fd, sync: true }));
}

/** What is logged of an error: its kind, texts and causes, not the parameters or row values that drivers attach. */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) {
    return error;
  }
  const { code, detail } = error as { code?: unknown; detail?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' ? { errorCode: code } : {}),
    ...(error.name === 'AppError' && typeof detail === 'string' ? { detail } : {}),
    stack: error.stack,
    ...(error.cause !== undefined && depth < 4 ? { cause: describeError(error.cause, depth + 1) } : {}),
  };
}
