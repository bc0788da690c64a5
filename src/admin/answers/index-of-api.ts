import { Type } from 'typebox';
import { inline, shape } from '../answer-schema.ts';

export const indexSchema = shape('Index', {
  endpoints: Type.Array(inline({ method: Type.String(), path: Type.String(), summary: Type.String() })),
});

/** What is in it is for the OpenAPI Specification to say. */
export const apiDocumentSchema = Type.Object(
  { openapi: Type.String() },
  { title: 'OpenApiDocument', additionalProperties: true },
);
