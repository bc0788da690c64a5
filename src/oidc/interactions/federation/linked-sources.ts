import type { Account } from '../../../identity/accounts.ts';
import {
  type FederatedIdentities,
  identityFingerprint,
  type LinkedIdentity,
} from '../../../identity/federated-identities.ts';
import type { UsableSources } from './usable-sources.ts';

/** A sign-in source that speaks for an account, as the account's owner sees it. */
export interface LinkedSource {
  /** Of this link; says nothing about the person. */
  id: string;
  /** Absent when the tenant has the source no more. */
  sourceName?: string;
  /** What the source knows the person by. */
  label: string;
  /** ISO 8601. */
  linkedAt: string;
  /** Whether it leads to the account today. */
  isUsable: boolean;
}

export interface LinkedSources {
  listOf(account: Account): Promise<LinkedSource[]>;
  /** As the tenant calls the source. */
  nameOf(sourceId: string): string | undefined;
  /** `id` may be anything. False when the account has no such link. */
  unlink(accountId: string, id: string): Promise<boolean>;
}

export function createLinkedSources({
  identities,
  usable,
}: {
  identities: Pick<FederatedIdentities, 'listOf' | 'unlink'>;
  usable: Pick<UsableSources, 'get' | 'isUsable'>;
}): LinkedSources {
  async function describe(link: LinkedIdentity, { applicationTenantId }: Account): Promise<LinkedSource> {
    const { label, linkedAt } = link;
    const source = usable.get(link.sourceId);
    return {
      id: identityFingerprint(link),
      ...(source === undefined ? {} : { sourceName: source.name }),
      label,
      linkedAt,
      isUsable: source !== undefined && (await usable.isUsable(source, applicationTenantId)),
    };
  }

  return {
    async listOf(account) {
      const links = await identities.listOf(account.id);
      return Promise.all(links.map((link) => describe(link, account)));
    },

    nameOf: (sourceId) => usable.get(sourceId)?.name,

    async unlink(accountId, id) {
      const links = await identities.listOf(accountId);
      const found = links.find((link) => identityFingerprint(link) === id);
      if (found === undefined) {
        return false;
      }
      await identities.unlink(found, accountId);
      return true;
    },
  };
}
