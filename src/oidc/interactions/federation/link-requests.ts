import type { Table } from '../../../cloud/tables/port.ts';
import type { Account } from '../../../identity/accounts.ts';
import type { People } from '../../../identity/people.ts';
import { type Clock, epochSeconds } from '../../../kernel/clock.ts';
import { referenceTo } from '../../storage/artifact.ts';
import type { OpenInteraction } from '../interaction-pages.ts';
import { type LinkToBe, signInStateSeconds } from '../sign-in-state.ts';

/** Somebody who has signed in at a source and may be the owner of an account that was there first. */
export interface LinkRequest {
  accountId: string;
  sourceName: string;
  link: LinkToBe;
  /** What the source vouches for (RFC 8176). */
  methods: readonly string[];
  /** Epoch seconds: since when the person has been signed in there, if the source says so. */
  signedInAt?: number;
}

export interface LinkRequests {
  put(open: OpenInteraction, request: LinkRequest): Promise<void>;
  /** While the account may be used. */
  find(open: OpenInteraction): Promise<(LinkRequest & { account: Account }) | undefined>;
}

/** One for each interaction at most, for as long as a proof waits for the next one. */
export function createLinkRequests({
  table,
  clock,
  findActive,
}: {
  table: Table;
  clock: Clock;
  findActive: People['findActive'];
}): LinkRequests {
  const keyOf = (open: OpenInteraction) => ({
    pk: `SignIn#${referenceTo(open.interaction.uid)}`,
    sk: 'link',
  });

  return {
    async put(open, request) {
      await table.put({
        ...keyOf(open),
        document: JSON.stringify(request),
        expiresAt: epochSeconds(clock) + signInStateSeconds,
      });
    },

    async find(open) {
      const item = await table.get(keyOf(open));
      if (!item || (item.expiresAt ?? 0) <= epochSeconds(clock)) {
        return undefined;
      }
      const request = JSON.parse(String(item.document)) as LinkRequest;
      const account = await findActive(request.accountId);
      return account && { ...request, account };
    },
  };
}
