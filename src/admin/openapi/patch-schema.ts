import type { TSchema } from 'typebox';

type ObjectSchema = TSchema & { properties?: Record<string, TSchema>; required?: string[]; title?: string };

/** What a JSON merge patch (RFC 7396) of such a document looks like: any of its members, and null for one that is to go. */
export function patchSchema(document: TSchema): TSchema {
  const { properties, required = [], title, ...rest } = document as ObjectSchema;
  if (properties === undefined) {
    return document;
  }
  return {
    ...rest,
    ...(title === undefined ? {} : { title: `${title}Patch` }),
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, schema]) => {
        const patched = patchSchema(schema);
        return [name, required.includes(name) ? patched : { anyOf: [patched, { type: 'null' }] }];
      }),
    ),
  } as TSchema;
}
