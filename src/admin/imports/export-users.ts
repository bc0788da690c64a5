import type { VisiblePeople } from '../people/open-people.ts';
import { viewListedUser } from '../people/users.ts';

/** The users of an application tenant, one JSON object per line, in the form that an import takes. Without credentials. */
export async function* exportUsers(
  { accounts, memberships }: Pick<VisiblePeople, 'accounts' | 'memberships'>,
  applicationTenantId: string,
): AsyncGenerator<string, void, undefined> {
  let cursor: string | undefined;
  do {
    const page = await accounts.list({
      applicationTenantId,
      ...(cursor === undefined ? {} : { cursor }),
    });
    const groupsOf = await Promise.all(page.accounts.map((account) => memberships.groupsOf(account)));
    for (const [index, account] of page.accounts.entries()) {
      const { applicationTenantId: _, updatedAt: __, passwordSetAt: ___, ...shown } = viewListedUser(account);
      const groups = groupsOf[index]?.map(({ name }) => name) ?? [];
      yield `${JSON.stringify({ ...shown, groups })}\n`;
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
}
