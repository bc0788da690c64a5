import { AppError } from '../../kernel/errors.ts';
import type { Query } from './port.ts';

type StartKey = Record<string, unknown>;

/**
 * A cursor holds only what the query does not already say: the position inside the partition. A caller who edits one can therefore
 * move within the same partition, never into another.
 */
export function encodeCursor(query: Query, lastKey: StartKey): string {
  const position = positionAttributes(query).map((attribute) => lastKey[attribute]);
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** The key to continue after. Throws `AppError('invalid_request')` when the cursor cannot be one of this query. */
export function decodeCursor(query: Query, cursor: string): StartKey {
  const attributes = positionAttributes(query);
  const position = parsePosition(cursor);
  if (position?.length !== attributes.length || !position.every(isKeyText)) {
    throw badCursor();
  }
  if (!String(position[0]).startsWith(query.skPrefix ?? '')) {
    throw badCursor();
  }
  return {
    [query.index === undefined ? 'pk' : 'gsi1pk']: query.pk,
    ...Object.fromEntries(attributes.map((attribute, index) => [attribute, position[index]])),
  };
}

function positionAttributes(query: Query): string[] {
  return query.index === undefined ? ['sk'] : ['gsi1sk', 'pk', 'sk'];
}

function parsePosition(cursor: string): unknown[] | undefined {
  try {
    const position: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(position) ? position : undefined;
  } catch {
    return undefined;
  }
}

/** 1024 bytes is DynamoDB's bound for a sort key; no partition key of ours is longer. */
function isKeyText(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= 1024;
}

function badCursor(): AppError {
  return new AppError('invalid_request', 'The cursor is not valid.', {
    fields: [{ field: 'cursor', message: 'must be a cursor of a previous page of the same list' }],
  });
}
