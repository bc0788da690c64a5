import type { Account } from '../../identity/accounts.ts';
import type { Group } from '../../identity/groups.ts';
import type { ImportError, ImportLine, UserImport } from '../../identity/user-imports.ts';
import { AppError } from '../../kernel/errors.ts';
import type { VisiblePeople } from '../people/open-people.ts';
import type { Power } from '../people/power.ts';
import { nameOfLine, readUserLine, type UserLine } from './user-line.ts';

export type LineOutcome = 'created' | 'updated' | 'skipped' | { errors: ImportError[] };

/** A line has more wrong with it than anyone reads. */
const maxProblems = 10;

/**
 * Does what a line of an upload says. Safe to repeat: an account that is there already is skipped or changed to what the line says, and
 * a password that somebody has set is never replaced. What is wrong with the line is its outcome, anything else an error.
 */
export function createUserImporter({
  people,
  power,
  onExisting,
  applicationTenantId,
}: {
  people: Pick<VisiblePeople, 'accounts' | 'groups' | 'memberships' | 'roles'>;
  power: Power;
} & Pick<UserImport, 'onExisting' | 'applicationTenantId'>): (line: ImportLine) => Promise<LineOutcome> {
  const { accounts, groups, memberships, roles } = people;
  /** By name; a file names few groups and roles many times. */
  const knownGroups = new Map<string, Group | undefined>();
  const checkedRoles = new Map<string, string | undefined>();

  async function problemOfRole(name: string): Promise<string | undefined> {
    if (!checkedRoles.has(name)) {
      checkedRoles.set(name, await judgeRole(name));
    }
    return checkedRoles.get(name);
  }

  async function judgeRole(name: string): Promise<string | undefined> {
    if ((await roles.get(name, applicationTenantId)) === undefined) {
      return 'is no role here';
    }
    try {
      await power.overRoles([name], applicationTenantId);
      return undefined;
    } catch (error) {
      return refusalOf(error);
    }
  }

  async function groupNamed(name: string): Promise<Group | undefined> {
    if (!knownGroups.has(name)) {
      knownGroups.set(name, await groups.findByName(applicationTenantId, name));
    }
    return knownGroups.get(name);
  }

  async function belongings(user: UserLine) {
    const problems: { field: string; message: string }[] = [];
    const joined: Group[] = [];
    for (const [index, name] of (user.roles ?? []).entries()) {
      const message = await problemOfRole(name);
      if (message !== undefined) problems.push({ field: `roles.${index}`, message });
    }
    for (const [index, name] of (user.groups ?? []).entries()) {
      const group = await groupNamed(name);
      const refused = group && (await Promise.all(group.roles.map(problemOfRole))).find(Boolean);
      if (group && refused === undefined) joined.push(group);
      else problems.push({ field: `groups.${index}`, message: refused ?? 'is no group here' });
    }
    return { problems, joined };
  }

  async function create(user: UserLine): Promise<Account | undefined> {
    const { groups: _, id: __, createdAt: ___, roles: names = [], ...given } = user;
    const name = nameOfLine(user);
    try {
      return await accounts.create({ ...given, name, roles: names, applicationTenantId });
    } catch (error) {
      const isTaken = error instanceof AppError && error.code === 'conflict';
      if (isTaken && (await accounts.findByEmail(applicationTenantId, user.email))) {
        return undefined;
      }
      throw error;
    }
  }

  async function update(user: UserLine): Promise<Account> {
    const present = await accounts.findByEmail(applicationTenantId, user.email);
    if (!present) {
      throw new AppError('temporarily_unavailable', 'The account comes and goes.');
    }
    await power.overAccount(present);
    const { groups: _, id: __, createdAt: ___, passwordHash, passwordSetAt, email: ____, ...given } = user;
    if (passwordHash !== undefined) {
      await accounts.setFirstPasswordHash(present.id, passwordHash, passwordSetAt);
    }
    return accounts.update(present.id, given);
  }

  async function apply(user: UserLine): Promise<LineOutcome> {
    const { problems, joined } = await belongings(user);
    if (problems.length > 0) {
      throw new AppError('validation_failed', 'The line is not valid.', { fields: problems });
    }
    const created = await create(user);
    if (created === undefined && onExisting === 'skip') {
      return 'skipped';
    }
    const account = created ?? (await update(user));
    await Promise.all(joined.map((group) => memberships.add(account, group)));
    return created ? 'created' : 'updated';
  }

  return async ({ line, value }) => {
    const read = readUserLine(value);
    const refused = (problems: readonly { field: string; message: string }[]) => ({
      errors: problems.slice(0, maxProblems).map((problem) => ({ line, ...problem })),
    });
    if ('problems' in read) {
      return refused(read.problems);
    }
    try {
      return await apply(read.user);
    } catch (error) {
      const message = refusalOf(error);
      const fields = error instanceof AppError ? error.fields : [];
      return refused(fields.length > 0 ? fields : [{ field: '', message }]);
    }
  };
}

/** What the line has wrong; throws what is wrong with us. */
function refusalOf(error: unknown): string {
  const codes: readonly string[] = ['validation_failed', 'conflict', 'insufficient_scope', 'quota_exceeded'];
  if (error instanceof AppError && codes.includes(error.code)) {
    return error.message;
  }
  throw error;
}
