import { type TProperties, type TSchema, Type } from 'typebox';

/** Headers of an answer that clients need; the others are the same everywhere. */
export type AnswerHeader = 'ETag' | 'Location';

/** What an answer of one status looks like. */
export interface AnswerSchema {
  /** Of the JSON body, or of each line. */
  schema: TSchema;
  mediaType: 'application/json' | 'application/scim+json' | 'application/x-ndjson' | 'text/html';
  headers: readonly AnswerHeader[];
}

/** The answers that a route can give by itself, by status. Refusals are problem documents and stand in none. */
export type Answers = Readonly<Record<number, AnswerSchema>>;

export function json(schema: TSchema, ...headers: AnswerHeader[]): AnswerSchema {
  return { schema, mediaType: 'application/json', headers };
}

export function ndjson(schema: TSchema): AnswerSchema {
  return { schema, mediaType: 'application/x-ndjson', headers: [] };
}

/** A page for people. */
export const html: AnswerSchema = { schema: Type.String(), mediaType: 'text/html', headers: [] };

/** An object without other members than these. Under its title the API's document has it once, whoever uses it. */
export function shape<Properties extends TProperties>(title: string, properties: Properties) {
  return Type.Object(properties, { title, additionalProperties: false });
}

/** An object of a shape that is used once. */
export function inline<Properties extends TProperties>(properties: Properties) {
  return Type.Object(properties, { additionalProperties: false });
}

/** RFC 3339, in UTC. */
export const instant = Type.String({ format: 'date-time', examples: ['2026-01-01T09:00:00.000Z'] });

export const webAddress = Type.String({ format: 'uri', examples: ['https://id.example.com/payments'] });

/** A page of a list: its members, and where the next page begins if there is one. */
export function page<Members extends TSchema>(title: string, name: string, member: Members) {
  return shape(title, {
    [name]: Type.Array(member),
    cursor: Type.Optional(Type.String({ description: 'Where the next page begins; absent on the last' })),
  });
}

/** What is there no more. */
export const removedSchema = shape('Removed', { id: Type.String(), removed: Type.Literal(true) });
