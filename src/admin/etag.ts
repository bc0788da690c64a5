import type { Context } from 'koa';
import { canonicalHash } from '../audit/canonical-json.ts';
import { AppError } from '../kernel/errors.ts';
import type { Answer } from './answer.ts';

/** The entity tags of an `If-Match` header (RFC 9110 §13.1.1), or `*` for whatever is there. */
export type IfMatch = '*' | readonly string[];

/** The strong entity tag of what a caller is shown. */
export function etagOf(shown: object): string {
  return `"${canonicalHash(shown).slice(0, 32)}"`;
}

/** `AppError('invalid_request')` for a header that is no list of strong entity tags. */
export function readIfMatch(context: Context): IfMatch | undefined {
  const header = context.get('If-Match').trim();
  if (header === '') {
    return undefined;
  }
  if (header === '*') {
    return '*';
  }
  if (!/^"[\x21\x23-\x7e]*"(\s*,\s*"[\x21\x23-\x7e]*")*$/.test(header)) {
    throw new AppError('invalid_request', 'If-Match must be * or a list of entity tags in double quotes.');
  }
  return header.split(/\s*,\s*/);
}

export function requireIfMatch(context: Context): IfMatch {
  const ifMatch = readIfMatch(context);
  if (ifMatch === undefined) {
    throw new AppError('precondition_required', 'Send If-Match with the ETag of what you change.');
  }
  return ifMatch;
}

/** `AppError('precondition_failed')` when the caller has seen something else than what is there now. */
export function assertMatch(ifMatch: IfMatch | undefined, shown: object): void {
  if (ifMatch !== undefined && ifMatch !== '*' && !ifMatch.includes(etagOf(shown))) {
    throw new AppError('precondition_failed', 'It was changed by somebody else. Read it again.');
  }
}

/** An answer that shows one member of a collection. `once` is what only this answer shows, such as a new secret. */
export function showMember(
  member: object,
  { status = 200, headers = {}, once }: { status?: number; headers?: Answer['headers']; once?: object } = {},
): Answer {
  return {
    status,
    headers: { ...headers, ETag: etagOf(member) },
    body: once === undefined ? member : { ...member, ...once },
    ...(once === undefined ? {} : { replayBody: member }),
  };
}
