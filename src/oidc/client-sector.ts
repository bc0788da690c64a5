import type { ClientRecord } from '../clients/clients.ts';
import type { Outbound } from '../cloud/http/outbound.ts';
import { AppError, type FieldError } from '../kernel/errors.ts';

type Sectored = Pick<ClientRecord, 'redirectUris' | 'sectorIdentifierUri'>;

/** What was found at a `sector_identifier_uri`. */
export interface Sector {
  uri: string;
  redirectUris: readonly string[];
}

/**
 * Reads which redirect URIs belong to the client's sector (OpenID Connect Dynamic Client Registration §5), through the guard that keeps requests out
 * of our own network. Once, when the client is made or changed: afterwards the host of the address is all that counts. `undefined` where there is
 * nothing to read, or nothing that `before` had not. `AppError('validation_failed')` when it cannot be read.
 */
export async function readSector(
  { redirectUris, sectorIdentifierUri: uri }: Sectored,
  outbound: Pick<Outbound, 'problemOf' | 'request'>,
  before?: Sectored,
): Promise<Sector | undefined> {
  const isNew = (each: string) => before?.redirectUris.includes(each) !== true;
  if (uri === undefined || (uri === before?.sectorIdentifierUri && !redirectUris.some(isNew))) {
    return undefined;
  }
  const problem = outbound.problemOf(uri);
  if (problem !== undefined) {
    throw unreadable(problem);
  }
  const listed = await read(uri, outbound);
  if (!Array.isArray(listed) || listed.some((entry) => typeof entry !== 'string')) {
    throw unreadable('must lead to a JSON array of redirect URIs');
  }
  return { uri, redirectUris: listed };
}

/** What is wrong with the client, by what was read; of a client that has no such address, and of one that has what it had before, nothing. */
export function sectorProblems(
  { redirectUris, sectorIdentifierUri: uri }: Sectored,
  sector: Sector | undefined,
): FieldError[] {
  if (sector === undefined || uri === undefined) {
    return [];
  }
  if (sector.uri !== uri) {
    return [{ field: 'sectorIdentifierUri', message: 'was changed meanwhile' }];
  }
  return redirectUris.flatMap((each, index) =>
    sector.redirectUris.includes(each)
      ? []
      : [{ field: `redirectUris.${index}`, message: 'is not in the list at the sectorIdentifierUri' }],
  );
}

async function read(url: string, outbound: Pick<Outbound, 'request'>): Promise<unknown> {
  try {
    const { status, body } = await outbound.request({
      url,
      method: 'GET',
      headers: { accept: 'application/json' },
    });
    return status === 200 ? (JSON.parse(body) as unknown) : undefined;
  } catch (error) {
    if (error instanceof AppError || error instanceof SyntaxError) {
      throw unreadable('cannot be read');
    }
    throw error;
  }
}

function unreadable(message: string): AppError {
  return new AppError('validation_failed', 'Some fields are not valid.', {
    fields: [{ field: 'sectorIdentifierUri', message }],
  });
}
