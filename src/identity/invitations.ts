import type { Item, ItemKey, Table } from '../cloud/tables/port.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { type Random, randomId } from '../kernel/random.ts';
import { createIsTakenUp } from './account-credentials.ts';
import type { AccountLinks } from './account-links.ts';
import type { Account, Accounts } from './accounts.ts';
import { linkIdOf } from './links.ts';

/** Somebody was asked to set a password for an account that was made for them. */
export interface Invitation {
  /** `inv_…`. */
  id: string;
  accountId: string;
  applicationTenantId: string;
  email: string;
  /** Who invited: as histories show actors. */
  invitedBy: string;
  /** Language of the mail; absent: the tenant's. */
  locale?: string;
  /** ISO 8601. */
  createdAt: string;
  sentAt: string;
  validUntil: string;
}

/**
 * `accepted`: the account is somebody's, whether by this invitation or in another way. `expired`: its link leads nowhere, by time or because the
 * account is not what it was when the link was sent.
 */
export type InvitationState = 'pending' | 'accepted' | 'expired';

export interface Invitations {
  /** The invitation and the token of its link, which exists nowhere else. */
  create(
    account: Account,
    by: { invitedBy: string; locale?: string | undefined },
  ): Promise<{ invitation: Invitation; token: string }>;
  get(id: string): Promise<Invitation | undefined>;
  /** Newest first; from an index, so one may be a moment old. */
  list(
    applicationTenantId: string,
    page?: { limit?: number; cursor?: string },
  ): Promise<{ invitations: Invitation[]; cursor?: string }>;
  /** A new link, to the address that the account has now, in place of the former one, which is worth nothing from then on. */
  renew(invitation: Invitation, account: Account): Promise<{ invitation: Invitation; token: string }>;
  /** Takes the link back and forgets the invitation. Idempotent. */
  remove(invitation: Invitation): Promise<void>;
  stateOf(invitation: Invitation): Promise<InvitationState>;
}

/** For how long an invitation can be accepted. */
export const invitationDays = 7;

/** An invitation that came to nothing is shown for so long. */
const keptDays = 90;

/** The invitations of one tenant, one item each; their links are `links.ts`'s. */
export function createInvitations({
  table,
  clock,
  random,
  accountLinks,
  accounts,
}: {
  table: Table;
  clock: Clock;
  random: Random;
  accountLinks: Pick<AccountLinks, 'issue' | 'revoke'>;
  accounts: Pick<Accounts, 'get'>;
}): Invitations {
  const isTakenUp = createIsTakenUp({ table, clock, random });
  const iso = (ms: number) => new Date(ms).toISOString();

  async function send(account: Account, invitation: Omit<Invitation, 'email' | 'sentAt' | 'validUntil'>) {
    const token = await accountLinks.issue(account, {
      purpose: 'invitation',
      ttlSeconds: invitationDays * 86_400,
    });
    const sent = {
      ...invitation,
      email: account.email,
      sentAt: iso(clock.now()),
      validUntil: iso(clock.now() + invitationDays * 86_400_000),
    };
    await table.put({
      ...sent,
      ...keyOf(sent.id),
      gsi1pk: indexKey(sent.applicationTenantId),
      gsi1sk: `${sent.createdAt}#${sent.id}`,
      linkId: linkIdOf(token),
      standing: account.standing,
      expiresAt: epochSeconds(clock) + keptDays * 86_400,
    });
    return { invitation: sent, token };
  }

  async function read(id: string): Promise<Item | undefined> {
    const item = /^inv_[A-Za-z0-9_-]{1,64}$/.test(id) ? await table.get(keyOf(id)) : undefined;
    return item && (item.expiresAt ?? 0) > epochSeconds(clock) ? item : undefined;
  }

  async function revokeLink(id: string): Promise<void> {
    const item = await read(id);
    if (item) {
      await accountLinks.revoke(String(item.linkId), 'invitation');
    }
  }

  return {
    create: (account, { invitedBy, locale }) =>
      send(account, {
        id: `inv_${randomId(random)}`,
        accountId: account.id,
        applicationTenantId: account.applicationTenantId,
        invitedBy,
        ...(locale === undefined ? {} : { locale }),
        createdAt: iso(clock.now()),
      }),

    async get(id) {
      const item = await read(id);
      return item && fromItem(item);
    },

    async list(applicationTenantId, { limit, cursor } = {}) {
      const page = await table.query({
        index: 'gsi1',
        pk: indexKey(applicationTenantId),
        order: 'descending',
        ...(limit === undefined ? {} : { limit }),
        ...(cursor === undefined ? {} : { cursor }),
      });
      const alive = page.items.filter(({ expiresAt = 0 }) => expiresAt > epochSeconds(clock));
      return {
        invitations: alive.map(fromItem),
        ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
      };
    },

    async renew({ email: _, sentAt: __, validUntil: ___, ...invitation }, account) {
      await revokeLink(invitation.id);
      return send(account, invitation);
    },

    async remove({ id }) {
      await revokeLink(id);
      await table.delete(keyOf(id));
    },

    async stateOf({ id, accountId, validUntil }) {
      const [account, item] = await Promise.all([accounts.get(accountId), read(id)]);
      if (account && (await isTakenUp(account))) {
        return 'accepted';
      }
      const stands = account !== undefined && account.standing === item?.standing;
      return stands && Date.parse(validUntil) > clock.now() ? 'pending' : 'expired';
    },
  };
}

function keyOf(id: string): ItemKey {
  return { pk: `Invitation#${id}`, sk: 'invitation' };
}

function indexKey(applicationTenantId: string): string {
  return `Invitations#${applicationTenantId}`;
}

function fromItem(item: Item): Invitation {
  return {
    id: item.pk.slice('Invitation#'.length),
    accountId: String(item.accountId),
    applicationTenantId: String(item.applicationTenantId),
    email: String(item.email),
    invitedBy: String(item.invitedBy),
    ...(item.locale === undefined ? {} : { locale: String(item.locale) }),
    createdAt: String(item.createdAt),
    sentAt: String(item.sentAt),
    validUntil: String(item.validUntil),
  };
}
