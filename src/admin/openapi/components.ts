import { isDeepStrictEqual } from 'node:util';

/** A JSON Schema (2020-12) as it stands in a document. */
export type JsonSchema = { [keyword: string]: unknown };

/** The document's schemas, gathered while its operations are described. */
export interface Components {
  readonly schemas: Record<string, JsonSchema>;
  /** The schema with a reference in the place of every object that has a title. */
  refer(schema: object): JsonSchema;
  /**
   * The same for answers: without the ban on further members. It is what keeps us to our word; a client that holds us to it could not be
   * given any news.
   */
  referOpen(schema: object): JsonSchema;
}

export function createComponents(): Components {
  const schemas: Record<string, JsonSchema> = {};

  function visit(value: unknown, open: boolean): unknown {
    if (Array.isArray(value)) {
      return value.map((item) => visit(item, open));
    }
    if (typeof value !== 'object' || value === null) {
      return value;
    }
    const { title, ...rest } = value as JsonSchema;
    const visited = Object.fromEntries(
      Object.entries(rest)
        .filter(([keyword, member]) => !(open && keyword === 'additionalProperties' && member === false))
        .map(([keyword, member]) => [keyword, visit(member, open)]),
    );
    if (typeof title !== 'string' || !('type' in rest)) {
      return title === undefined ? visited : { title: visit(title, open), ...visited };
    }
    schemas[title] ??= visited;
    const known = schemas[title];
    if (!isDeepStrictEqual(known, visited)) {
      throw new Error(`two schemas have the title ${title}`);
    }
    return { $ref: `#/components/schemas/${title}` };
  }

  // What TypeBox notes on a schema for itself is left behind.
  const plain = (schema: object): unknown => JSON.parse(JSON.stringify(schema));
  return {
    schemas,
    refer: (schema) => visit(plain(schema), false) as JsonSchema,
    referOpen: (schema) => visit(plain(schema), true) as JsonSchema,
  };
}
