import type { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import type { ImportLine } from '../../identity/user-imports.ts';
import { AppError } from '../../kernel/errors.ts';

export type UploadFormat = 'ndjson' | 'csv';

export interface UploadLimits {
  bytes: number;
  lines: number;
  lineBytes: number;
}

export const uploadLimits: UploadLimits = { bytes: 100 * 1024 * 1024, lines: 250_000, lineBytes: 16 * 1024 };

/**
 * The lines of an upload, read as they arrive. NDJSON: an object per line, empty lines do not count. CSV (RFC 4180): the first line names the
 * columns. A line that is no JSON, or has not a cell for each column, has the value `undefined`; CSV whose quotes do not match, an upload that is
 * too large, and text that is not UTF-8 are an `AppError`.
 */
export async function* readUpload(
  source: Readable,
  format: UploadFormat,
  limits: UploadLimits = uploadLimits,
): AsyncGenerator<ImportLine, void, undefined> {
  const text = decode(source, limits.bytes);
  let line = 0;
  for await (const value of format === 'csv' ? csvRows(text, limits) : jsonLines(text, limits)) {
    line += 1;
    if (line > limits.lines) {
      throw new AppError('payload_too_large', `An upload has at most ${limits.lines} lines.`);
    }
    yield { line, value };
  }
}

async function* decode(source: Readable, maxBytes: number): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let bytes = 0;
  // Without this the connection would be cut when an upload is refused half-way, and the client would not learn why.
  const chunks: AsyncIterable<Buffer> = source.iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      throw new AppError('payload_too_large', `An upload has at most ${maxBytes / 1024 / 1024} MiB.`);
    }
    yield decodeWith(decoder, chunk);
  }
  yield decodeWith(decoder);
}

function decodeWith(decoder: InstanceType<typeof TextDecoder>, chunk?: Buffer): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch {
    throw new AppError('invalid_request', 'The upload is not UTF-8.');
  }
}

async function* jsonLines(
  text: AsyncIterable<string>,
  { lineBytes }: UploadLimits,
): AsyncGenerator<unknown, void, undefined> {
  let rest = '';
  for await (const part of text) {
    const lines = (rest + part).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() !== '') {
        yield parseJson(line, lineBytes);
      }
    }
    if (rest.length > lineBytes) {
      throw lineTooLong(lineBytes);
    }
  }
  if (rest.trim() !== '') {
    yield parseJson(rest, lineBytes);
  }
}

function parseJson(line: string, lineBytes: number): unknown {
  if (Buffer.byteLength(line) > lineBytes) {
    throw lineTooLong(lineBytes);
  }
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function* csvRows(
  text: AsyncIterable<string>,
  { lineBytes }: UploadLimits,
): AsyncGenerator<unknown, void, undefined> {
  const parser = parse({
    bom: true,
    skip_empty_lines: true,
    max_record_size: lineBytes,
    relax_column_count: true,
  });
  const fed = (async () => {
    for await (const part of text) {
      if (!parser.write(part)) {
        await new Promise<void>((resolve) => {
          parser.once('drain', resolve);
          parser.once('error', () => resolve());
        });
      }
    }
    parser.end();
  })();
  fed.catch((error: unknown) => parser.destroy(error as Error));
  try {
    let names: string[] | undefined;
    for await (const row of parser as AsyncIterable<string[]>) {
      if (names === undefined) {
        names = checkColumns(row.map((name) => name.trim()));
      } else {
        yield row.length === names.length ? valueOfRow(names, row) : undefined;
      }
    }
    await fed;
  } catch (error) {
    throw error instanceof AppError
      ? error
      : new AppError('invalid_request', `The upload is not valid CSV${placeOf(error)}.`, { cause: error });
  }
}

function placeOf(error: unknown): string {
  return error instanceof CsvError && typeof error.lines === 'number' ? `, in line ${error.lines}` : '';
}

/** Of the columns, those whose cells are lists, separated by semicolons. */
const listColumns = ['roles', 'groups'];
const booleanColumns = ['emailVerified', 'disabled'];
const textColumns = [
  'id',
  'email',
  'name',
  'givenName',
  'familyName',
  'externalId',
  'passwordHash',
  'passwordSetAt',
  'createdAt',
];
const columns = [...textColumns, ...listColumns, ...booleanColumns];

function checkColumns(names: string[]): string[] {
  const unknown = names.filter((name) => !columns.includes(name));
  if (unknown.length > 0 || new Set(names).size < names.length || !names.includes('email')) {
    throw new AppError(
      'invalid_request',
      `The first line must name columns, once each and \`email\` among them, of: ${columns.join(', ')}.`,
    );
  }
  return names;
}

/** An empty cell says nothing. */
function valueOfRow(names: readonly string[], row: readonly string[]): Record<string, unknown> {
  const cells = names.map((name, index) => ({ name, cell: row[index] ?? '' }));
  return Object.fromEntries(
    cells
      .filter(({ cell }) => cell !== '')
      .map(({ name, cell }) => {
        if (listColumns.includes(name)) {
          const parts = cell.split(';').map((part) => part.trim());
          return [name, parts.filter((part) => part !== '')];
        }
        if (booleanColumns.includes(name)) {
          const word = cell.trim().toLowerCase();
          return [name, word === 'true' ? true : word === 'false' ? false : cell];
        }
        return [name, cell];
      }),
  );
}

function lineTooLong(lineBytes: number): AppError {
  return new AppError('payload_too_large', `A line has at most ${lineBytes / 1024} KiB.`);
}
