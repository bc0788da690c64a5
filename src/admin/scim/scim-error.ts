import { AppError, type ErrorCode } from '../../kernel/errors.ts';
import type { Answer } from '../answer.ts';

/** Detail error keywords of RFC 7644 §3.12. */
export type ScimType =
  | 'invalidFilter'
  | 'invalidPath'
  | 'invalidSyntax'
  | 'invalidValue'
  | 'noTarget'
  | 'tooMany'
  | 'uniqueness';

/** Refuses a request in SCIM's own words; always status 400. */
export class ScimError extends Error {
  readonly scimType: ScimType;

  constructor(scimType: ScimType, message: string) {
    super(message);
    this.name = 'ScimError';
    this.scimType = scimType;
  }
}

export const scimMediaType = 'application/scim+json';

const errorSchema = 'urn:ietf:params:scim:api:messages:2.0:Error';

const typeOfCode: Partial<Record<ErrorCode, ScimType>> = {
  conflict: 'uniqueness',
  invalid_request: 'invalidSyntax',
  validation_failed: 'invalidValue',
};

/** RFC 7644 §3.12. Errors that are ours, not the client's, are passed on: the host's edge logs and answers them. */
export function scimErrorAnswer(error: unknown): Answer {
  if (error instanceof ScimError) {
    return answer(400, error.scimType, error.message);
  }
  if (error instanceof AppError && error.status < 500) {
    const fields = error.fields.map(({ field, message }) => `${field} ${message}`);
    // A conflict about no attribute is not one about a value that is taken.
    const scimType = error.code === 'conflict' && fields.length === 0 ? undefined : typeOfCode[error.code];
    return answer(error.status, scimType, [error.message, ...fields].join(' '), error.headers);
  }
  throw error;
}

function answer(
  status: number,
  scimType: ScimType | undefined,
  detail: string,
  headers: Answer['headers'] = {},
): Answer {
  return {
    status,
    headers: { ...headers, 'Content-Type': scimMediaType },
    body: {
      schemas: [errorSchema],
      status: String(status),
      ...(scimType === undefined ? {} : { scimType }),
      detail,
    },
  };
}
