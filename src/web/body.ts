import type { Context } from 'koa';
import { HttpMethodEnum, koaBody } from 'koa-body';
import { AppError } from '../kernel/errors.ts';

/** A JSON object as a client sent it; its members are for a schema to judge. */
export type JsonBody = Readonly<Record<string, unknown>>;

export type JsonMediaType = 'application/json' | 'application/scim+json';

/** The most that any request of ours needs, with room to spare. */
const limitBytes = 64 * 1024;
const maxDepth = 20;

/**
 * Reads a JSON object. A request without a body reads as `{}`. Refused: other media types and encodings (415), more than 64 KiB (413), and
 * with 400 whatever is not one unambiguous object: broken JSON, a member given twice, member names that reach a prototype, deep nesting,
 * text that PostgreSQL cannot hold (U+0000, lone surrogates). `mediaType` is taken as well as `application/json`.
 */
export async function readJsonBody(
  context: Context,
  mediaType: JsonMediaType = 'application/json',
): Promise<JsonBody> {
  if (!hasBody(context)) {
    return {};
  }
  assertMediaType(context, context.is(mediaType) === mediaType ? mediaType : 'application/json');
  await parse(context, parseJson, 'The body is not valid JSON.');
  const body: unknown = context.request.body;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new AppError('invalid_request', 'The body must be a JSON object.');
  }
  assertUnambiguous(body, context.request.rawBody ?? '');
  return body as JsonBody;
}

/**
 * Reads an `application/x-www-form-urlencoded` body as a flat record without a prototype. Limits as for JSON; a field given twice is
 * refused, so that no two readers of one form can disagree.
 */
export async function readFormBody(context: Context): Promise<Readonly<Record<string, string>>> {
  const fields: Record<string, string> = Object.create(null);
  if (!hasBody(context)) {
    return fields;
  }
  assertMediaType(context, 'application/x-www-form-urlencoded');
  await parse(context, parseForm, 'The form could not be read.');
  for (const [name, value] of new URLSearchParams(context.request.rawBody ?? '')) {
    if (name in fields) {
      throw new AppError('invalid_request', 'A form field was sent twice.');
    }
    assertStorable(value);
    fields[name] = value;
  }
  return fields;
}

const parseJson = koaBody({
  // A DELETE may say why.
  parsedMethods: [HttpMethodEnum.POST, HttpMethodEnum.PUT, HttpMethodEnum.PATCH, HttpMethodEnum.DELETE],
  jsonTypes: ['application/json', 'application/scim+json'],
  jsonLimit: limitBytes,
  includeUnparsed: true,
  urlencoded: false,
  text: false,
});

/** The form arrives as text: the bracket and dot notations of the usual form parser would let a client send objects. */
const parseForm = koaBody({
  textTypes: ['application/x-www-form-urlencoded'],
  textLimit: limitBytes,
  includeUnparsed: true,
  urlencoded: false,
  json: false,
});

async function parse(context: Context, parser: typeof parseJson, complaint: string): Promise<void> {
  try {
    await parser(context, async () => {});
  } catch (error) {
    // What the client still sends is read and dropped, so that it gets to see the answer.
    context.req.resume();
    const status = (error as { status?: unknown }).status;
    if (status === 413) {
      throw new AppError('payload_too_large', `The body is larger than ${limitBytes / 1024} KiB.`);
    }
    // The parser's error quotes the body, which may hold secrets: it is neither shown nor logged.
    if (typeof status === 'number' && status < 500) {
      throw new AppError('invalid_request', complaint);
    }
    throw error;
  }
}

function hasBody(context: Context): boolean {
  return context.req.headers['transfer-encoding'] !== undefined || (context.request.length ?? 0) > 0;
}

function assertMediaType(context: Context, mediaType: string): void {
  const charset = context.request.charset.toLowerCase();
  const encoding = context.get('Content-Encoding').toLowerCase();
  const readable =
    context.is(mediaType) === mediaType &&
    ['', 'utf-8', 'utf8'].includes(charset) &&
    ['', 'identity'].includes(encoding);
  if (!readable) {
    context.req.resume();
    throw new AppError('unsupported_media_type', `Send ${mediaType} in UTF-8, without Content-Encoding.`);
  }
}

/** `source` is known to be valid JSON, so a string followed by a colon is a member name and nothing else is. */
const memberName = /"[^"\\]*(?:\\.[^"\\]*)*"\s*:/g;

const prototypeNames = new Set(['__proto__', 'constructor', 'prototype']);

function assertUnambiguous(root: object, source: string): void {
  let members = 0;
  const pending: { value: unknown; depth: number }[] = [{ value: root, depth: 1 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value, depth } = next;
    if (typeof value === 'string') {
      assertStorable(value);
    } else if (typeof value === 'object' && value !== null) {
      if (depth > maxDepth) {
        throw new AppError('invalid_request', `The body is nested deeper than ${maxDepth} levels.`);
      }
      for (const [name, member] of Object.entries(value)) {
        if (!Array.isArray(value)) {
          members += 1;
          assertMemberName(name);
        }
        pending.push({ value: member, depth: depth + 1 });
      }
    }
  }
  if (members !== (source.match(memberName)?.length ?? 0)) {
    throw new AppError('invalid_request', 'A member of the body was given twice.');
  }
}

function assertMemberName(name: string): void {
  assertStorable(name);
  if (prototypeNames.has(name)) {
    throw new AppError('invalid_request', `The body has a member named ${name}.`);
  }
}

function assertStorable(text: string): void {
  if (text.includes('\0') || !text.isWellFormed()) {
    throw new AppError('invalid_request', 'The body holds characters that are not text.');
  }
}
