import { Resolver } from 'node:dns/promises';
import { AppError } from '../../kernel/errors.ts';

const absent = new Set(['ENOTFOUND', 'ENODATA']);

/**
 * Looks up TXT records at the system's name servers, or at `servers` (`address:port`). The texts of one record are put together (RFC 7208
 * §3.3). A name without records gives none; `AppError('temporarily_unavailable')` when no server answers.
 */
export function createTxtLookup({
  servers,
}: {
  servers?: readonly string[];
} = {}): (name: string) => Promise<string[]> {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  if (servers !== undefined) {
    resolver.setServers(servers);
  }
  return async (name) => {
    try {
      return (await resolver.resolveTxt(name)).map((parts) => parts.join(''));
    } catch (cause) {
      const { code } = cause as { code?: string };
      if (code !== undefined && absent.has(code)) {
        return [];
      }
      throw new AppError('temporarily_unavailable', 'The DNS does not answer at the moment.', {
        headers: { 'Retry-After': '10' },
        detail: `TXT ${name}: ${code}`,
        cause,
      });
    }
  };
}
