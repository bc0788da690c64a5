import type { Account } from '../../identity/accounts.ts';
import { parseScimFilter, type ScimFilter } from './filter.ts';
import { createListPositions } from './list-positions.ts';
import { ScimError } from './scim-error.ts';
import type { ScimRequest } from './scim-route.ts';
import { toUserResource } from './user-resource.ts';

export interface UserSelection {
  accounts: Account[];
  totalResults: number;
}

type Question = Pick<ScimRequest, 'people' | 'applicationTenant' | 'base'>;
type Page = { startIndex: number; count: number };

/** A filter that no index answers is tried on so many people at most. */
const maxExamined = 5_000;
const walkSize = 500;

/** Who begins somewhere else than where a page has ended waits for so many people to be passed over at most. */
const maxPassedOver = 20_000;

type FindUsers = (question: Question, text: string | undefined, page: Page) => Promise<UserSelection>;

/** Finds users for lists of SCIM: by the index that a filter names, by trying it on people, or by their places in the list. */
export function createUserFinder(): FindUsers {
  async function listFrom(
    { people, applicationTenant }: Question,
    { startIndex, count }: Page,
  ): Promise<UserSelection> {
    const { id } = applicationTenant;
    const totalResults = await people.accounts.count(id);
    const positions = createListPositions(people.stores, id);
    let cursor = startIndex === 1 ? undefined : await positions.get(startIndex);
    let index = cursor === undefined ? 1 : startIndex;
    if (startIndex - index > Math.min(maxPassedOver, totalResults)) {
      if (startIndex > totalResults) return { accounts: [], totalResults };
      throw new ScimError('tooMany', 'Read the pages before this one first, one after the other.');
    }
    const accounts: Account[] = [];
    while (accounts.length < count) {
      const wanted = index < startIndex ? startIndex - index : count - accounts.length;
      const page = await people.accounts.list({
        applicationTenantId: id,
        limit: Math.min(wanted, walkSize),
        ...(cursor === undefined ? {} : { cursor }),
      });
      if (index >= startIndex) accounts.push(...page.accounts);
      index += page.accounts.length;
      cursor = page.cursor;
      if (cursor === undefined) break;
    }
    if (cursor !== undefined && accounts.length > 0) {
      await positions.note(index, cursor);
    }
    return { accounts, totalResults: Math.max(totalResults, startIndex - 1 + accounts.length) };
  }

  /** The account that the filter names by itself, if it does. */
  async function named({ people, applicationTenant }: Question, filter: ScimFilter) {
    const { accounts } = people;
    const { id } = applicationTenant;
    const address = filter.equalTo('username') ?? filter.equalTo('emails.value') ?? filter.equalTo('emails');
    if (address !== undefined) return [await accounts.findByEmail(id, address)];
    const externalId = filter.equalTo('externalid');
    if (externalId !== undefined) return [await accounts.findByExternalId(id, externalId)];
    const accountId = filter.equalTo('id');
    if (accountId !== undefined) {
      const found = await accounts.get(accountId);
      return [found?.applicationTenantId === id ? found : undefined];
    }
    return undefined;
  }

  async function examine(question: Question, filter: ScimFilter): Promise<Account[]> {
    const { people, applicationTenant, base } = question;
    const prefix = filter.beginsWith('username');
    const found: Account[] = [];
    let examined = 0;
    let cursor: string | undefined;
    do {
      const where = { applicationTenantId: applicationTenant.id, limit: walkSize };
      const page: { accounts: Account[]; cursor?: string } = await people.accounts.list({
        ...where,
        ...(prefix === undefined ? {} : { emailPrefix: prefix }),
        ...(cursor === undefined ? {} : { cursor }),
      });
      found.push(...page.accounts.filter((account) => filter.matches(toUserResource(account, { base }))));
      examined += page.accounts.length;
      cursor = page.cursor;
      if (cursor !== undefined && examined >= maxExamined) {
        throw new ScimError(
          'tooMany',
          'The filter fits too many users to look at: add a condition on userName, externalId or id.',
        );
      }
    } while (cursor !== undefined);
    return found;
  }

  return async (question, text, page) => {
    if (text === undefined || text.trim() === '') {
      return listFrom(question, page);
    }
    const filter = parseScimFilter(text);
    const candidates = await named(question, filter);
    const found =
      candidates === undefined
        ? await examine(question, filter)
        : candidates
            .filter((account) => account !== undefined)
            .filter((account) => filter.matches(toUserResource(account, { base: question.base })));
    const begin = page.startIndex - 1;
    return { accounts: found.slice(begin, begin + page.count), totalResults: found.length };
  };
}
