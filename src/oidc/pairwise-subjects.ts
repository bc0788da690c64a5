import { createHmac } from 'node:crypto';
import type { ClientRecord } from '../clients/clients.ts';
import type { TenantKeys } from '../cloud/keys/port.ts';
import type { Table } from '../cloud/tables/port.ts';
import { succeeds } from '../cloud/tables/unless-refused.ts';
import type { Random } from '../kernel/random.ts';

/** What a person is called at the clients of one sector, and nowhere else (OpenID Connect Core §8.1). */
export type PairwiseSubject = (sector: string, accountId: string) => Promise<string>;

const key = { pk: 'PairwiseKey', sk: 'key' };
const purpose = 'pairwise-key';

/**
 * Pairwise subjects of one tenant: an HMAC under a key that the tenant has for nothing else and keeps for good, since with another key everybody
 * would be a stranger to their applications. It is made when the first subject is asked for, and sealed.
 */
export function createPairwiseSubjects({
  table,
  keys,
  random,
}: {
  table: Table;
  keys: Pick<TenantKeys, 'seal' | 'unseal'>;
  random: Random;
}): PairwiseSubject {
  let opened: Promise<Uint8Array> | undefined;

  async function open(): Promise<Uint8Array> {
    const stored = await table.get(key);
    if (stored === undefined) {
      const sealed = await keys.seal(purpose, random.bytes(32));
      await succeeds(table.put({ ...key, sealed }, [{ exists: false }]));
      // Of several processes at once one has made it.
      return open();
    }
    return keys.unseal(purpose, String(stored.sealed));
  }

  return async (sector, accountId) => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return createHmac('sha256', await opened)
      .update(`${sector}\0${accountId}`)
      .digest('base64url');
  };
}

/** The host that stands for all clients of one owner. */
export function sectorOf({
  sectorIdentifierUri,
  redirectUris,
}: Pick<ClientRecord, 'sectorIdentifierUri' | 'redirectUris'>): string {
  return URL.parse(sectorIdentifierUri ?? redirectUris[0] ?? '')?.host ?? '';
}
