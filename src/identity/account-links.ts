import type { Account } from './account.ts';
import type { Link, LinkPurpose, Links } from './links.ts';
import type { People } from './people.ts';

/** A link, and the account that it is about. */
export interface AccountLink {
  link: Link;
  account: Account;
}

export interface AccountLinks extends Pick<Links, 'consume' | 'revoke'> {
  /** As `Links.issue`, for this account as it stands. */
  issue(
    account: Account,
    link: { purpose: LinkPurpose; data?: Readonly<Record<string, string>>; ttlSeconds: number },
  ): Promise<string>;
  /** Looks without using the link up; `undefined` for anything but a live link of an account that may be used and stands as it did. */
  find(token: string, purpose: LinkPurpose): Promise<AccountLink | undefined>;
}

/**
 * Links that are mailed to the owner of an account that is there. Each is bound to the account's `standing`: it is worth nothing once the
 * address, the password, or the right to use the account is another, whoever changed it. So whoever was in an account takes no link out of it that
 * outlives a recovery, and a link that went to a mistyped address ends with the mistake.
 */
export function createAccountLinks({
  links,
  findActive,
}: {
  links: Links;
  findActive: People['findActive'];
}): AccountLinks {
  return {
    issue: ({ id, standing }, { purpose, data = {}, ttlSeconds }) =>
      links.issue({ purpose, subject: id, data: { ...data, standing }, ttlSeconds }),

    async find(token, purpose) {
      const link = await links.peek(token, purpose);
      const account = link && (await findActive(link.subject));
      return account && account.standing === link.data.standing ? { link, account } : undefined;
    },

    consume: links.consume,
    revoke: links.revoke,
  };
}
