import type { Context } from 'koa';
import { UpstreamFailure } from '../../../cloud/upstream-failure.ts';
import type { Account } from '../../../identity/accounts.ts';
import type { ActivityLog } from '../../../identity/activity-log.ts';
import type { ApplicationRules } from '../../../identity/application-rules.ts';
import { normalizeEmail } from '../../../identity/email-address.ts';
import type { FederatedIdentities } from '../../../identity/federated-identities.ts';
import { type FederatedOutcome, identityOf } from '../../../identity/federated-sign-in.ts';
import type { SignInSource } from '../../../identity/sign-in-source.ts';
import type { UpstreamConnections } from '../../../identity/upstream-connections.ts';
import { personOfEntry } from '../../../identity/upstream-person.ts';
import type { Log } from '../../../platform/log.ts';
import type { VerifyPassword } from '../verify-password.ts';
import type { DirectoryGuard } from './directory-guard.ts';
import type { Enter } from './enter.ts';
import type { LinkRequest } from './link-requests.ts';
import { isForAddress, type UsableSources } from './usable-sources.ts';

/** What an address and a password amount to. */
export type PasswordProof =
  | {
      kind: 'account';
      account: Account;
      methods: readonly string[];
      more?: { link: LinkRequest['link'] } | { directoryId: string };
    }
  /** The directory knows the person, and an account with this address was there first. */
  | { kind: 'prove'; request: LinkRequest }
  | {
      kind: 'refused';
      problem: Extract<FederatedOutcome, { kind: 'refused' }>['reason'] | 'unavailable';
      sourceName: string;
    }
  /** Attempts at the directory's password have to wait; `Retry-After` is set. */
  | { kind: 'must-wait' };

/** `undefined`: wrong, for whatever reason. */
export type ProvePassword = (
  context: Context,
  typed: { email: string; password: string; applicationTenantId: string },
) => Promise<PasswordProof | undefined>;

/** `verifyPassword` for accounts that belong to no directory; the others have no password but the directory's. */
export function createOwnPasswordCheck({
  usable,
  identities,
  verifyPassword,
}: {
  usable: UsableSources;
  identities: Pick<FederatedIdentities, 'listOf'>;
  verifyPassword: VerifyPassword;
}): VerifyPassword {
  return async (email, password, applicationTenantId) => {
    const account = await verifyPassword(email, password, applicationTenantId);
    const directories = await usable.list(applicationTenantId, 'ldap');
    if (account === undefined || directories.length === 0) {
      return account;
    }
    const links = await identities.listOf(account.id);
    const isDirectorys = links.some(({ sourceId }) => directories.some(({ id }) => id === sourceId));
    return isDirectorys ? undefined : account;
  };
}

/**
 * Passwords of accounts and of LDAP directories behind one form. The directories that are in charge of an address are asked in any case, at the
 * same time as the account's own password is compared, so that the time tells nothing about the account. Who belongs to a directory has its
 * password and no other here: whoever the directory locks out is locked out.
 */
export function createPasswordProof({
  usable,
  connections,
  enter,
  guard,
  verifyOwnPassword,
  admitsOwnCredentials,
  activity,
  log,
}: {
  usable: UsableSources;
  connections: Pick<UpstreamConnections, 'ldap'>;
  enter: Enter;
  guard: DirectoryGuard;
  verifyOwnPassword: VerifyPassword;
  admitsOwnCredentials: ApplicationRules['admitsOwnCredentials'];
  activity: Pick<ActivityLog, 'note'>;
  log: Log;
}): ProvePassword {
  async function ask(
    context: Context,
    source: SignInSource,
    {
      email,
      password,
      applicationTenantId,
    }: { email: string; password: string; applicationTenantId: string },
  ): Promise<
    | { source: SignInSource; outcome: FederatedOutcome; link: LinkRequest['link'] }
    | 'failed'
    | 'must-wait'
    | undefined
  > {
    try {
      const login = { sourceId: source.id, applicationTenantId, email };
      const entry = await guard.attempt(context, login, async () =>
        (await connections.ldap(source)).authenticate(email, password),
      );
      if (entry === undefined || entry === 'must-wait') {
        return entry;
      }
      const person = personOfEntry(entry, source);
      const arrival = { source, applicationTenantId, person };
      const link = { identity: identityOf(arrival), label: person.email ?? email };
      return { source, outcome: await enter(context, arrival), link };
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) {
        throw error;
      }
      log.warn({ source: source.id, failure: error.kind, reason: error.message }, 'sign-in source failed');
      return 'failed';
    }
  }

  return async (context, { email: text, password, applicationTenantId }) => {
    const email = normalizeEmail(text);
    const directories = await usable.list(applicationTenantId, 'ldap');
    const inCharge = directories.filter((source) => email !== undefined && isForAddress(source, email));
    const typed = { email: email ?? '', password, applicationTenantId };
    const [account, ...answers] = await Promise.all([
      verifyOwnPassword(text, password, applicationTenantId),
      ...inCharge.map((source) => ask(context, source, typed)),
    ]);

    const known = answers.find((answer) => typeof answer === 'object');
    if (known?.outcome.kind === 'account') {
      return {
        kind: 'account',
        account: known.outcome.account,
        methods: ['pwd', 'fed'],
        more: { directoryId: known.source.id },
      };
    }
    if (known?.outcome.kind === 'prove' && account?.id === known.outcome.account.id) {
      // The same password for both: both are proved.
      return { kind: 'account', account, methods: ['pwd'], more: { link: known.link } };
    }
    if (account !== undefined && (await admitsOwnCredentials(applicationTenantId))) {
      return { kind: 'account', account, methods: ['pwd'] };
    }
    if (known?.outcome.kind === 'prove') {
      const { source, outcome, link } = known;
      const request = {
        accountId: outcome.account.id,
        sourceName: source.name,
        link,
        methods: ['pwd', 'fed'],
      };
      return { kind: 'prove', request };
    }
    if (known?.outcome.kind === 'refused') {
      const { name: sourceName } = known.source;
      activity.note(
        { kind: 'sign-in-failed', applicationTenantId, reason: 'source', factor: sourceName },
        context,
      );
      return { kind: 'refused', problem: known.outcome.reason, sourceName };
    }
    if (answers.includes('must-wait')) {
      return { kind: 'must-wait' };
    }
    const failed = inCharge.find((_, index) => answers[index] === 'failed');
    return failed && { kind: 'refused', problem: 'unavailable', sourceName: failed.name };
  };
}
