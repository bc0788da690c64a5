/** What an exit code means; 0 is success. */
export const exitCodes = {
  failed: 1,
  usage: 2,
  notSignedIn: 3,
  notAllowed: 4,
  notFound: 5,
  refused: 6,
  unavailable: 7,
} as const;

/** Something that the user is told in a line, without a stack. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(exitCode: keyof typeof exitCodes, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'Failure';
    this.exitCode = exitCodes[exitCode];
  }
}

/** The part of a problem document (RFC 9457) that commands use. */
export interface Problem {
  status: number;
  code: string;
  title: string;
  detail: string;
  errors: readonly { field: string; message: string }[];
  requestId: string;
}

/** A refusal of the server, in its words. */
export class ProblemFailure extends Failure {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(kindOf(problem.status), problem.detail);
    this.name = 'ProblemFailure';
    this.problem = problem;
  }
}

function kindOf(status: number): keyof typeof exitCodes {
  const kinds: Readonly<Record<number, keyof typeof exitCodes>> = {
    401: 'notSignedIn',
    403: 'notAllowed',
    404: 'notFound',
    429: 'unavailable',
  };
  return kinds[status] ?? (status >= 500 ? 'unavailable' : 'refused');
}

/** The lines for the error stream. */
export function explain(error: unknown): { exitCode: number; text: string } {
  if (error instanceof ProblemFailure) {
    const { title, detail, code, errors, requestId, status } = error.problem;
    const lines = [
      `${title}: ${detail} (${code})`,
      ...errors.map(({ field, message }) => `  ${field}: ${message}`),
      ...(status === 401 ? ['Sign in with `tenantry login`.'] : []),
      ...(status >= 500 ? [`The server calls this request ${requestId}.`] : []),
    ];
    return { exitCode: error.exitCode, text: lines.map((line) => `${line}\n`).join('') };
  }
  if (error instanceof Failure) {
    return { exitCode: error.exitCode, text: `${error.message}\n` };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { exitCode: exitCodes.failed, text: `Failed: ${message}\n` };
}
