/**
 * Sign-in sessions in the tenant's table. A session is three items: the provider's own, found by the cookie's value, which changes; a pointer to
 * it by `uid`, which does not; and an entry in its account's list, with what the account's owner recognises it by. List and pointer are
 * read by key, so they are never behind: who has signed out is out, and nobody has more sessions than the policy allows. The pointer refers
 * to the session without the cookie's value, so a session that is found by `uid` has a reference in the place of its `jti`.
 *
 * Owns the items and the order in which they come and go. An entry comes before its session and goes after it, so that no session is in
 * nobody's list.
 */
import type { AdapterPayload } from 'oidc-provider';
import { ConditionFailed, type Item, type Table } from '../../cloud/tables/port.ts';
import { defaultApplicationTenantId } from '../../identity/application-tenant.ts';
import { maxSessionTimeoutSeconds } from '../../identity/security-policy.ts';
import { type Clock, epochSeconds } from '../../kernel/clock.ts';
import {
  artifactKey,
  fromArtifactItem,
  payloadOf,
  referenceTo,
  toArtifactItem,
} from '../storage/artifact.ts';
import { isOver, type SessionRulesOf } from './session-rules.ts';
import { startOf } from './session-start.ts';

/** What is known of a session's browser. */
export interface SessionOrigin {
  /** `networkOf` the client's address. */
  network: string;
  /** `describeUserAgent`. */
  device: string;
  applicationTenantId: string;
}

export interface SessionEntry extends SessionOrigin {
  uid: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  /** RFC 8176. */
  methods: readonly string[];
}

export interface StoredSession {
  payload: AdapterPayload;
  /** Epoch seconds. */
  savedAt: number;
  /** Whose rules it lives by; that of the tenant's own people before anybody has signed in. */
  applicationTenantId: string;
}

export interface SessionRecords {
  /** By id or reference. */
  find(id: string): Promise<StoredSession | undefined>;
  findByUid(uid: string): Promise<StoredSession | undefined>;
  /**
   * Saves a session of somebody of an application tenant. `known` says that its request began with it, under which id or reference: then nothing
   * is saved when it has ended meanwhile, for that would bring it back, and the answer is false.
   */
  save(
    id: string,
    payload: AdapterPayload,
    place: { expiresAt: number; applicationTenantId: string },
    known: { id: string } | undefined,
  ): Promise<boolean>;
  addEntry(accountId: string, entry: SessionEntry): Promise<void>;
  /** Of all sessions of the account, some of which may have come to their end. */
  entriesOf(accountId: string): Promise<SessionEntry[]>;
  removeEntry(accountId: string, uid: string): Promise<void>;
  /** Removes session, pointer and entry. Returns what the session was; `undefined` when there was none. */
  remove(uid: string): Promise<AdapterPayload | undefined>;
}

export function createSessionRecords({
  table,
  clock,
  rulesOf,
}: {
  table: Table;
  clock: Clock;
  rulesOf: SessionRulesOf;
}): SessionRecords {
  async function find(id: string): Promise<StoredSession | undefined> {
    const item = await table.get(artifactKey('Session', id));
    const payload = fromArtifactItem(item, id, clock);
    if (!item || !payload) return undefined;
    const savedAt = Number(item.savedAt);
    const applicationTenantId = String(item.applicationTenantId ?? defaultApplicationTenantId);
    return isOver(await rulesOf(applicationTenantId), { startedAt: startOf(payload), savedAt }, clock)
      ? undefined
      : { payload, savedAt, applicationTenantId };
  }

  async function removeEntry(accountId: string, uid: string): Promise<void> {
    await table.delete({ pk: listKey(accountId), sk: uid });
  }

  return {
    find,
    removeEntry,

    async findByUid(uid) {
      const pointer = await table.get(pointerKey(uid));
      const found = pointer && (await find(String(pointer.sessionId)));
      return found?.payload.uid === uid ? found : undefined;
    },

    async save(id, payload, { expiresAt, applicationTenantId }, known) {
      const uid = String(payload.uid);
      const savedAt = epochSeconds(clock);
      const item = { ...toArtifactItem('Session', id, payload, expiresAt), savedAt, applicationTenantId };
      const sessionId = referenceTo(id);
      const knownId = known && referenceTo(known.id);
      try {
        await table.put(item, knownId === sessionId ? [{ exists: true }] : undefined);
        if (knownId === undefined) {
          await table.put({ ...pointerKey(uid), sessionId, expiresAt });
        } else {
          const former = knownId === sessionId ? {} : { formerId: knownId };
          await table.update(pointerKey(uid), { set: { sessionId, expiresAt, ...former } }, [
            { exists: true },
          ]);
        }
        return true;
      } catch (error) {
        if (!(error instanceof ConditionFailed)) throw error;
        await table.delete(artifactKey('Session', id));
        return false;
      }
    },

    async addEntry(accountId, { uid, startedAt, methods, network, device, applicationTenantId }) {
      await table.put({
        pk: listKey(accountId),
        sk: uid,
        startedAt,
        methods: JSON.stringify(methods),
        network,
        device,
        applicationTenantId,
        // No policy lets a session live longer; entries of sessions that are over are removed earlier.
        expiresAt: epochSeconds(clock) + maxSessionTimeoutSeconds,
      });
    },

    async entriesOf(accountId) {
      const entries: SessionEntry[] = [];
      let cursor: string | undefined;
      do {
        const page = await table.query({
          pk: listKey(accountId),
          ...(cursor === undefined ? {} : { cursor }),
        });
        entries.push(...page.items.map(readEntry));
        cursor = page.cursor;
      } while (cursor !== undefined);
      return entries;
    },

    async remove(uid) {
      let payload: AdapterPayload | undefined;
      for (
        let pointer = await table.get(pointerKey(uid));
        pointer;
        pointer = await table.get(pointerKey(uid))
      ) {
        const { sessionId, formerId } = pointer;
        const item = await table.get(artifactKey('Session', String(sessionId)));
        payload = item ? payloadOf(item, String(sessionId)) : payload;
        for (const id of [sessionId, formerId]) {
          if (id !== undefined) await table.delete(artifactKey('Session', String(id)));
        }
        try {
          await table.delete(pointerKey(uid), [{ attribute: 'sessionId', equals: String(sessionId) }]);
          break;
        } catch (error) {
          // A request of the browser has given it a new cookie meanwhile: that one has to go, too.
          if (!(error instanceof ConditionFailed)) throw error;
        }
      }
      if (payload?.accountId !== undefined) await removeEntry(payload.accountId, uid);
      return payload;
    },
  };
}

function pointerKey(uid: string) {
  return { pk: `SessionUid#${uid}`, sk: 'pointer' };
}

function listKey(accountId: string): string {
  return `AccountSessions#${accountId}`;
}

function readEntry(item: Item): SessionEntry {
  return {
    uid: item.sk,
    startedAt: Number(item.startedAt),
    methods: JSON.parse(String(item.methods)) as string[],
    network: String(item.network),
    device: String(item.device),
    applicationTenantId: String(item.applicationTenantId),
  };
}
