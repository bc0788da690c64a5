import { type TProperties, Type } from 'typebox';

/** Visible ASCII: everything that our ids, slugs, event names and addresses are made of. */
export const tokenSchema = Type.String({
  pattern: '^[\\x21-\\x7e]{1,256}$',
  description: '1 to 256 visible ASCII characters',
});

/** Those of the tables hold three keys at most, one of which may have an e-mail address in it. */
const cursorSchema = Type.String({
  pattern: '^[\\x21-\\x7e]{1,2048}$',
  description: '`cursor` of the page before',
});

/** Paging: `limit` 1–100, `cursor` from the page before. */
export const pageFields = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  cursor: Type.Optional(cursorSchema),
};

export const defaultPageSize = 50;

export function querySchema<Properties extends TProperties>(properties: Properties) {
  return Type.Object(properties, { additionalProperties: false });
}

export const noQuery = querySchema({});
