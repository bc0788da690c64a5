import { Type } from 'typebox';
import { type ErrorCode, errorCodes, statusOf } from '../../kernel/errors.ts';
import { inline } from '../answer-schema.ts';
import type { Route } from '../route.ts';
import type { Components, JsonSchema } from './components.ts';

export interface Response {
  description: string;
  headers?: Record<string, object>;
  /** Absent: the answer has no body. */
  content?: Record<string, { schema: JsonSchema; example?: unknown }>;
}

/** What each status of a refusal means, and its name in the document. */
const refusals: Readonly<Record<number, { name: string; description: string; headers?: readonly string[] }>> =
  {
    400: { name: 'InvalidRequest', description: 'Not readable, or fields are wrong' },
    401: {
      name: 'InvalidToken',
      description: 'No token, or one that is not valid here',
      headers: ['WWW-Authenticate'],
    },
    403: { name: 'NotAllowed', description: 'Not enough, or for somebody else to do' },
    404: { name: 'NotFound', description: 'Nothing there, or nothing that the caller may know of' },
    409: { name: 'Conflict', description: 'Not possible as things stand' },
    412: { name: 'Changed', description: 'Changed since it was read' },
    413: { name: 'TooLarge', description: 'The body is too large' },
    415: { name: 'UnsupportedMediaType', description: 'The body is no JSON' },
    422: { name: 'KeyReused', description: 'The Idempotency-Key was used with another request' },
    428: { name: 'IfMatchRequired', description: 'Send If-Match' },
    429: { name: 'TooMany', description: 'Too many requests', headers: ['Retry-After'] },
    500: { name: 'ServerError', description: 'Our fault; quote the requestId' },
    503: { name: 'Unavailable', description: 'Not available right now', headers: ['Retry-After'] },
  };

const headerSchemas: Readonly<Record<string, object>> = {
  'Retry-After': { description: 'Seconds', schema: { type: 'integer', minimum: 0 } },
  'WWW-Authenticate': { description: 'RFC 6750', schema: { type: 'string' } },
};

/** Which statuses a route can refuse with. */
export function refusalsOf({ needs, takes, path, uploads }: Route): number[] {
  return [
    400,
    404,
    429,
    500,
    503,
    ...(needs.who === 'anyone' ? (needs.limited ? [401] : []) : [401, 403]),
    ...('query' in takes ? [] : [409, 412, 413, 415, 422]),
    ...('query' in takes && path.includes('{slug}') ? [409] : []),
    ...('document' in takes ? [428] : []),
    ...(uploads === undefined ? [] : [413, 415, 422]),
  ].sort((a, b) => a - b);
}

export function refusalReference(status: number): { $ref: string } {
  return { $ref: `#/components/responses/${refusals[status]?.name}` };
}

const problemFields = {
  type: Type.String({ description: 'urn:tenantry:problem:<code>' }),
  title: Type.String(),
  detail: Type.String(),
  errors: Type.Array(
    inline({
      field: Type.String({ description: 'A path such as requester.email or redirectUris.0' }),
      message: Type.String(),
    }),
    { description: 'Every invalid field, empty for anything but invalid input' },
  ),
  requestId: Type.String(),
};

/** The problem documents (RFC 9457) of every status, for the document's `components`. */
export function problemResponses(components: Components): Record<string, Response> {
  const responses: Record<string, Response> = {};
  for (const [status, { name, description, headers }] of Object.entries(refusals)) {
    const codes = errorCodes.filter((code) => statusOf(code) === Number(status));
    const schema = Type.Object(
      { ...problemFields, status: Type.Literal(Number(status)), code: Type.Enum(codes) },
      { title: `${name}Problem` },
    );
    responses[name] = {
      description,
      ...(headers === undefined
        ? {}
        : { headers: Object.fromEntries(headers.map((header) => [header, headerSchemas[header] ?? {}])) }),
      content: {
        'application/problem+json': {
          schema: components.referOpen(schema),
          example: example(Number(status), codes[0] ?? 'server_error', description),
        },
      },
    };
  }
  return responses;
}

function example(status: number, code: ErrorCode, detail: string): object {
  return {
    type: `urn:tenantry:problem:${code}`,
    title: detail,
    status,
    code,
    detail: `${detail}.`,
    errors: [],
    requestId: '4oQb0eJ3kq0mJ8QJmXQ1cA',
  };
}
