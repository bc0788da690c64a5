import type { AdapterPayload } from 'oidc-provider';
import type { Table } from '../../cloud/tables/port.ts';
import type { Clock } from '../../kernel/clock.ts';
import { isArtifactId } from '../storage/artifact.ts';
import { revokeGrant } from '../storage/revoke-grant.ts';
import type { NotifyLogout } from './backchannel-logout.ts';
import type { SessionEntry, SessionRecords, StoredSession } from './session-records.ts';
import type { SessionRulesOf } from './session-rules.ts';

/** A session as its owner sees it. */
export interface AccountSession extends SessionEntry {
  /** Milliseconds since the epoch: the last time that an application sent the browser here. */
  lastActiveAt: number;
}

/**
 * The sessions of the people of one tenant. Ending one ends it in its browser, ends the tokens that live no longer than it, and tells the
 * applications that were used in it (OpenID Connect Back-Channel Logout 1.0). Tokens for offline access stay: they belong to the
 * applications' grants, not to a browser.
 */
export interface AccountSessions {
  /** Those that are alive, the newest first. */
  list(accountId: string): Promise<AccountSession[]>;
  /** `uid` may be anything. False when it is no session of this account. */
  end(accountId: string, uid: string): Promise<boolean>;
  /** Returns how many there were. */
  endOthers(accountId: string, keptUid: string): Promise<number>;
  endAll(accountId: string): Promise<number>;
  /**
   * To be called when a session of the account has begun and is stored: when there are more than allowed now, the oldest end. After any
   * number of parallel sign-ins no more than allowed are left: whoever's entry came last sees all others.
   */
  keepToLimit(accountId: string, uid: string): Promise<void>;
}

/** An entry comes before its session. Younger than this, it may be of a session that is about to be stored. */
const startingMs = 60_000;

export function createAccountSessions({
  table,
  records,
  notifyLogout,
  rulesOf,
  clock,
}: {
  table: Table;
  records: SessionRecords;
  notifyLogout: NotifyLogout;
  rulesOf: SessionRulesOf;
  clock: Clock;
}): AccountSessions {
  async function endSession(uid: string): Promise<boolean> {
    const payload = await records.remove(uid);
    if (payload) await endAuthorizations(payload);
    return payload !== undefined;
  }

  async function endAuthorizations({ accountId, authorizations = {} }: AdapterPayload): Promise<void> {
    for (const [clientId, { sid, grantId, persistsLogout }] of Object.entries(authorizations)) {
      if (accountId !== undefined && sid !== undefined) notifyLogout({ clientId, accountId, sid });
      if (grantId !== undefined && !persistsLogout) await revokeGrant(table, grantId);
    }
  }

  async function entriesNewestFirst(accountId: string): Promise<SessionEntry[]> {
    const entries = await records.entriesOf(accountId);
    return entries.sort((a, b) => b.startedAt - a.startedAt || (a.uid < b.uid ? 1 : -1));
  }

  /** Removes the entries of sessions that have come to their end. `session` is absent from one that is about to be stored. */
  async function living(
    accountId: string,
  ): Promise<{ entry: SessionEntry; session: StoredSession | undefined }[]> {
    const entries = await entriesNewestFirst(accountId);
    const found = await Promise.all(
      entries.map(async (entry) => {
        const session = await records.findByUid(entry.uid);
        if (session || clock.now() - entry.startedAt < startingMs) return { entry, session };
        await records.removeEntry(accountId, entry.uid);
        return undefined;
      }),
    );
    return found.filter((one) => one !== undefined);
  }

  async function endAllBut(accountId: string, keptUid: string | undefined): Promise<number> {
    const entries = await records.entriesOf(accountId);
    const ended = await Promise.all(
      entries.filter(({ uid }) => uid !== keptUid).map(({ uid }) => endOne(accountId, uid)),
    );
    return ended.filter(Boolean).length;
  }

  /** The entry goes even when its session is not there yet: that one then ends itself. */
  async function endOne(accountId: string, uid: string): Promise<boolean> {
    const ended = await endSession(uid);
    await records.removeEntry(accountId, uid);
    return ended;
  }

  return {
    async list(accountId) {
      const found = await living(accountId);
      return found.flatMap(({ entry, session }) =>
        session ? [{ ...entry, lastActiveAt: session.savedAt * 1_000 }] : [],
      );
    },

    async end(accountId, uid) {
      if (!isArtifactId(uid)) return false;
      const found = await records.findByUid(uid);
      return found?.payload.accountId === accountId && (await endOne(accountId, uid));
    },

    endOthers: endAllBut,
    endAll: (accountId) => endAllBut(accountId, undefined),

    async keepToLimit(accountId, uid) {
      const entries = await entriesNewestFirst(accountId);
      const own = entries.find((entry) => entry.uid === uid);
      if (!own) {
        await endSession(uid);
        return;
      }
      const { maxConcurrent } = await rulesOf(own.applicationTenantId);
      if (entries.length <= maxConcurrent) return;
      const surplus = (await living(accountId)).slice(maxConcurrent);
      await Promise.all(surplus.map(({ entry }) => endOne(accountId, entry.uid)));
    },
  };
}
