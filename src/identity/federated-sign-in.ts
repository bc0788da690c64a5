/**
 * From somebody whom a sign-in source knows to an account (D10). Who comes back is known by source and subject alone. An account that was there
 * first is linked only to whoever proves to own it: by its own credentials, or, where the tenant believes the source for a domain that the
 * application tenant has proved to own, by an address that both sides have verified. An address that nobody has verified leads nowhere, neither
 * to an account nor to a new one: it would be somebody else's one day.
 */
import { AppError } from '../kernel/errors.ts';
import { type Random, randomId } from '../kernel/random.ts';
import type { Account, Accounts } from './accounts.ts';
import { admitsNewcomer, defaultApplicationTenantId, domainOfEmail } from './application-tenant.ts';
import type { ApplicationTenants } from './application-tenants.ts';
import {
  type FederatedIdentities,
  identityFingerprint,
  type UpstreamIdentity,
} from './federated-identities.ts';
import type { SignInSource } from './sign-in-source.ts';
import type { UpstreamPerson } from './upstream-person.ts';

/** Somebody at a source who would be this person of the application tenant. */
export interface Arrival {
  source: SignInSource;
  applicationTenantId: string;
  person: UpstreamPerson;
}

export type FederatedOutcome =
  | { kind: 'account'; account: Account; isNew?: true }
  /** There is an account with this address; whoever proves to own it may link it. */
  | { kind: 'prove'; account: Account }
  | { kind: 'refused'; reason: FederatedRefusal };

/** `address`: the source gives no address, or does not vouch for it. `unknown`: no account, and none is made. `disabled`: the account is. */
export type FederatedRefusal = 'address' | 'unknown' | 'disabled';

export interface FederatedSignIn {
  enter(arrival: Arrival): Promise<FederatedOutcome>;
  /** Links an account whose owner has proved to be it. False when the identity belongs to another account by now. */
  link(identity: UpstreamIdentity, account: Account, label: string): Promise<boolean>;
}

export function createFederatedSignIn({
  accounts,
  identities,
  applicationTenants,
  random,
}: {
  accounts: Pick<Accounts, 'get' | 'findByEmail' | 'create' | 'update'>;
  identities: FederatedIdentities;
  applicationTenants: Pick<ApplicationTenants, 'get'>;
  random: Random;
}): FederatedSignIn {
  async function isBelieved({ source, applicationTenantId }: Arrival, email: string): Promise<boolean> {
    const domain = domainOfEmail(email);
    if (!source.linkDomains?.includes(domain)) {
      return false;
    }
    const owner = await applicationTenants.get(applicationTenantId);
    return owner?.domains.some((each) => each.domain === domain && each.verifiedAt !== undefined) === true;
  }

  /**
   * Into an application tenant come, with an account of their own, people of a source that was given to it, and whom it takes in anyway: a source of the
   * whole tenant invites nobody to its customers (E2).
   */
  async function mayCome({ source, applicationTenantId }: Arrival, email: string): Promise<boolean> {
    if (applicationTenantId === defaultApplicationTenantId) {
      return true;
    }
    const owner = await applicationTenants.get(applicationTenantId);
    const isGiven =
      source.applicationTenantIds?.includes(applicationTenantId) ||
      owner?.settings.signInSources?.includes(source.id);
    return owner !== undefined && (isGiven || admitsNewcomer(owner, email));
  }

  /** What the source knows today. The address changes only for an account that the source's word has made. */
  async function refresh(
    account: Account,
    { source, person }: Arrival,
    ownsAddress: boolean,
  ): Promise<Account> {
    const roles = mappedRoles(source, person, account.roles);
    const isNewName = person.name !== undefined && person.name !== account.name;
    const isNewEmail =
      ownsAddress &&
      person.email !== undefined &&
      person.email !== account.email &&
      person.emailVerified &&
      isInCharge(source, person.email) &&
      (await accounts.findByEmail(account.applicationTenantId, person.email)) === undefined;
    const change = {
      ...(isNewName ? { name: person.name } : {}),
      ...(isNewEmail ? { email: person.email, emailVerified: true } : {}),
      ...(sameNames(roles, account.roles) ? {} : { roles }),
    };
    if (Object.keys(change).length === 0) {
      return account;
    }
    try {
      return await accounts.update(account.id, change);
    } catch (error) {
      // Somebody took the address, or changed the account, in between; the next sign-in tries again.
      if (error instanceof AppError && (error.code === 'conflict' || error.code === 'precondition_failed')) {
        return account;
      }
      throw error;
    }
  }

  async function returnAs(
    account: Account,
    arrival: Arrival,
    ownsAddress: boolean,
  ): Promise<FederatedOutcome> {
    return account.disabled
      ? { kind: 'refused', reason: 'disabled' }
      : { kind: 'account', account: await refresh(account, arrival, ownsAddress) };
  }

  /** In the place of an account that is gone, if there was one. */
  async function linkTo(identity: UpstreamIdentity, account: Account, label: string): Promise<boolean> {
    const found = await identities.find(identity);
    if (found && found.accountId !== account.id && (await accounts.get(found.accountId)) === undefined) {
      await identities.unlink(identity, found.accountId);
    }
    return identities.link(identity, account.id, label);
  }

  async function meet(arrival: Arrival, account: Account, email: string): Promise<FederatedOutcome> {
    if (account.disabled) {
      return { kind: 'refused', reason: 'disabled' };
    }
    // An account that never proved its address may be anybody's who typed it in.
    if (!account.emailVerified || !(await isBelieved(arrival, email))) {
      return { kind: 'prove', account };
    }
    return (await linkTo(identityOf(arrival), account, email))
      ? returnAs(account, arrival, false)
      : { kind: 'refused', reason: 'unknown' };
  }

  /**
   * The account that the identity belongs to. Under an id that was begun somebody else's may stand, who signed up with an address that a request
   * which was cut off had claimed; what a request that was cut off has left open is completed here.
   */
  async function findKnown(
    arrival: Arrival,
  ): Promise<{ account: Account; ownsAddress: boolean } | undefined> {
    const identity = identityOf(arrival);
    const found = await identities.find(identity);
    const account = found && (await accounts.get(found.accountId));
    if (!found || !account || account.applicationTenantId !== arrival.applicationTenantId) {
      return undefined;
    }
    if (found.state === 'begun') {
      if (account.madeFor !== identityFingerprint(identity)) {
        await identities.abandon(identity, account.id);
        return undefined;
      }
      await identities.complete(identity, account.id, { accountId: account.id, label: account.email });
    }
    return { account, ownsAddress: found.state !== 'linked' };
  }

  async function create(
    arrival: Arrival,
    email: string,
    former: string | undefined,
  ): Promise<FederatedOutcome> {
    const { source, person, applicationTenantId } = arrival;
    const identity = identityOf(arrival);
    const begun = await identities.begin(identity, `acc_${randomId(random)}`, former);
    try {
      const account = await accounts.create({
        id: begun,
        madeFor: identityFingerprint(identity),
        applicationTenantId,
        email,
        emailVerified: true,
        name: person.name ?? email,
        roles: mappedRoles(source, person, source.defaultRoles ?? []),
      });
      await identities.complete(identity, begun, { accountId: account.id, label: email });
      return { kind: 'account', account, isNew: true };
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'conflict') {
        throw error;
      }
      // Another request of the same person was faster, or somebody else has the address by now.
      const known = await findKnown(arrival);
      if (known !== undefined) {
        return returnAs(known.account, arrival, known.ownsAddress);
      }
      await identities.abandon(identity, begun);
      const holder = await accounts.findByEmail(applicationTenantId, email);
      return holder === undefined ? { kind: 'refused', reason: 'unknown' } : meet(arrival, holder, email);
    }
  }

  return {
    async enter(arrival) {
      const { source, applicationTenantId, person } = arrival;
      const known = await findKnown(arrival);
      if (known !== undefined) {
        return returnAs(known.account, arrival, known.ownsAddress);
      }
      const { email } = person;
      if (email === undefined || !person.emailVerified) {
        return { kind: 'refused', reason: 'address' };
      }
      const holder = await accounts.findByEmail(applicationTenantId, email);
      if (holder !== undefined) {
        // Another request of the same person may have made it since we looked; the identity is noted before the account is there.
        const made = await findKnown(arrival);
        return made === undefined
          ? meet(arrival, holder, email)
          : returnAs(made.account, arrival, made.ownsAddress);
      }
      if (source.createAccounts === false || !isInCharge(source, email) || !(await mayCome(arrival, email))) {
        return { kind: 'refused', reason: 'unknown' };
      }
      // Under an id that was begun the account may still come; under one that was completed it is gone for good.
      const found = await identities.find(identityOf(arrival));
      return create(arrival, email, found?.state === 'begun' ? undefined : found?.accountId);
    },

    link: linkTo,
  };
}

export function identityOf({ source, applicationTenantId, person }: Arrival): UpstreamIdentity {
  return { sourceId: source.id, applicationTenantId, subject: person.subject };
}

/** Whether the source is for people with such an address. */
export function isInCharge({ domains = [] }: SignInSource, email: string): boolean {
  return domains.length === 0 || domains.includes(domainOfEmail(email));
}

/** `present`, without the roles that the mapping manages, and with those whose groups the person has. */
function mappedRoles(
  { roleMapping = [] }: SignInSource,
  { groups }: UpstreamPerson,
  present: readonly string[],
): string[] {
  const managed = new Set(roleMapping.flatMap(({ roles }) => roles));
  const given = roleMapping.filter(({ group }) => groups.includes(group)).flatMap(({ roles }) => roles);
  return [...new Set([...present.filter((role) => !managed.has(role)), ...given])];
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}
