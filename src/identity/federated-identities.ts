import { createHash } from 'node:crypto';
import { ConditionFailed, type Item, type ItemKey, type Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';

/** Somebody at a sign-in source, as a person of one application tenant: the same one in two of them is two people (E2). */
export interface UpstreamIdentity {
  sourceId: string;
  applicationTenantId: string;
  /** What the source calls them, for good: `sub`, or the directory's immutable id. */
  subject: string;
}

/** An account's link to a source. */
export interface LinkedIdentity extends UpstreamIdentity {
  /** What the source knows them by; for the account's owner to read. */
  label: string;
  /** ISO 8601. */
  linkedAt: string;
}

export interface FederatedIdentities {
  /** `begun`: an account is being made, or its making was cut off. `created`: the account was made for this identity. */
  find(
    identity: UpstreamIdentity,
  ): Promise<{ accountId: string; state: 'begun' | 'created' | 'linked' } | undefined>;
  /** Links for good. False, and nothing changed, when the identity belongs to another account. */
  link(identity: UpstreamIdentity, accountId: string, label: string): Promise<boolean>;
  /**
   * Notes that an account is to be made for the identity, before it is made. Answers the id to make it under: of several at once the same.
   * `former` is the account that the identity belonged to and that is gone.
   */
  begin(identity: UpstreamIdentity, newId: string, former?: string): Promise<string>;
  /** The account that was begun under `begunId` is there as `accountId`. */
  complete(
    identity: UpstreamIdentity,
    begunId: string,
    account: { accountId: string; label: string },
  ): Promise<void>;
  /** Takes back what was begun, unless it was completed meanwhile. */
  abandon(identity: UpstreamIdentity, begunId: string): Promise<void>;
  /** Strongly consistent. */
  listOf(accountId: string): Promise<LinkedIdentity[]>;
  /** Idempotent. */
  unlink(identity: UpstreamIdentity, accountId: string): Promise<void>;
}

/**
 * Which account an identity at a sign-in source belongs to (D10): one pointer item each, written by conditions, so that an identity never has two
 * accounts. A second item in the account's own partition lets the account find its links, and goes when the account goes.
 */
export function createFederatedIdentities({
  table,
  clock,
}: {
  table: Table;
  clock: Clock;
}): FederatedIdentities {
  const isoNow = () => new Date(clock.now()).toISOString();

  async function succeeds(write: Promise<unknown>): Promise<boolean> {
    try {
      await write;
      return true;
    } catch (error) {
      if (error instanceof ConditionFailed) {
        return false;
      }
      throw error;
    }
  }

  async function note(identity: UpstreamIdentity, accountId: string, label: string): Promise<void> {
    await table.put({ ...ownKey(identity, accountId), ...identity, label, linkedAt: isoNow() });
  }

  return {
    async find(identity) {
      const item = await table.get(pointerKey(identity));
      return (
        item && { accountId: String(item.accountId), state: item.state as 'begun' | 'created' | 'linked' }
      );
    },

    async link(identity, accountId, label) {
      const pointer = { ...pointerKey(identity), accountId, state: 'linked' };
      if (!(await succeeds(table.put(pointer, [{ exists: false }])))) {
        const present = await table.get(pointerKey(identity));
        if (present?.accountId !== accountId) {
          return false;
        }
      }
      await note(identity, accountId, label);
      return true;
    },

    async begin(identity, newId, former) {
      const pointer = { ...pointerKey(identity), accountId: newId, state: 'begun' };
      const vacant = former === undefined ? { exists: false } : { attribute: 'accountId', equals: former };
      if (await succeeds(table.put(pointer, [vacant]))) {
        return newId;
      }
      const present = await table.get(pointerKey(identity));
      return present === undefined ? newId : String(present.accountId);
    },

    async complete(identity, begunId, { accountId, label }) {
      // Lost to nobody: a condition that fails means that somebody else has completed it.
      await succeeds(
        table.update(pointerKey(identity), { set: { accountId, state: 'created' } }, [
          { attribute: 'accountId', equals: begunId },
          { attribute: 'state', equals: 'begun' },
        ]),
      );
      await note(identity, accountId, label);
    },

    async abandon(identity, begunId) {
      await succeeds(
        table.delete(pointerKey(identity), [
          { attribute: 'accountId', equals: begunId },
          { attribute: 'state', equals: 'begun' },
        ]),
      );
    },

    async listOf(accountId) {
      const { items } = await table.query({ pk: `Account#${accountId}`, skPrefix: 'federated#' });
      return items.map(readLink);
    },

    async unlink(identity, accountId) {
      await succeeds(table.delete(pointerKey(identity), [{ attribute: 'accountId', equals: accountId }]));
      await table.delete(ownKey(identity, accountId));
    },
  };
}

/** Tells identities apart and says nothing about them. Subjects are of any form and length; JSON keeps the parts apart. */
export function identityFingerprint({ sourceId, applicationTenantId, subject }: UpstreamIdentity): string {
  return createHash('sha256')
    .update(JSON.stringify([sourceId, applicationTenantId, subject]))
    .digest('base64url');
}

function pointerKey(identity: UpstreamIdentity): ItemKey {
  return { pk: `Federated#${identityFingerprint(identity)}`, sk: 'identity' };
}

function ownKey(identity: UpstreamIdentity, accountId: string): ItemKey {
  return { pk: `Account#${accountId}`, sk: `federated#${identityFingerprint(identity)}` };
}

function readLink(item: Item): LinkedIdentity {
  return {
    sourceId: String(item.sourceId),
    applicationTenantId: String(item.applicationTenantId),
    subject: String(item.subject),
    label: String(item.label),
    linkedAt: String(item.linkedAt),
  };
}
