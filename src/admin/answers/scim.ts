import { Type } from 'typebox';
import type { AnswerHeader, Answers } from '../answer-schema.ts';

/** RFC 7643 describes resources; what ours have stands at `/Schemas`. */
const resourceSchema = Type.Object(
  { schemas: Type.Array(Type.String()) },
  { title: 'ScimResource', description: 'RFC 7643' },
);

const emptySchema = Type.Object({}, { title: 'ScimNothing' });

const errorSchema = Type.Object(
  {
    schemas: Type.Array(Type.String()),
    status: Type.String(),
    scimType: Type.Optional(Type.String()),
    detail: Type.String(),
  },
  { title: 'ScimError', description: 'RFC 7644 §3.12' },
);

const refusals = [400, 401, 403, 404, 409, 412, 413, 415, 422, 429];

/** What a SCIM route answers: one success, and refusals in SCIM's own form. */
export function scimAnswers(status: 200 | 201 | 204, ...headers: AnswerHeader[]): Answers {
  const answer = (schema: typeof resourceSchema | typeof emptySchema | typeof errorSchema) => ({
    schema,
    mediaType: 'application/scim+json' as const,
    headers: [] as AnswerHeader[],
  });
  return {
    ...Object.fromEntries(refusals.map((code) => [code, answer(errorSchema)])),
    [status]: { ...answer(status === 204 ? emptySchema : resourceSchema), headers },
  };
}
