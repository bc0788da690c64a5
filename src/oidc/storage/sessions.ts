import { type Adapter, type AdapterPayload, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { defaultApplicationTenantId } from '../../identity/application-tenant.ts';
import { type Clock, epochSeconds } from '../../kernel/clock.ts';
import type { AccountSessions } from '../sessions/account-sessions.ts';
import type { SessionOrigin, SessionRecords, StoredSession } from '../sessions/session-records.ts';
import { startOf } from '../sessions/session-start.ts';
import { isArtifactId } from './artifact.ts';

type SessionStore = Pick<Adapter, 'upsert' | 'find' | 'findByUid' | 'destroy'>;

export interface SessionStoreDependencies {
  records: SessionRecords;
  sessions: Pick<AccountSessions, 'keepToLimit'>;
  /** What a person will recognise the session of this request by. */
  describeOrigin: (context: KoaContextWithOIDC, accountId: string) => Promise<SessionOrigin>;
  /** Removes a session under an id that it has no more. */
  removeReplaced: (id: string) => Promise<void>;
  clock: Clock;
}

/** Sign-in sessions as the provider reads and writes them; `sessions/session-records.ts` says what they are made of. */
export function createSessionStore({
  records,
  sessions,
  describeOrigin,
  removeReplaced,
  clock,
}: SessionStoreDependencies): SessionStore {
  /** By uid, as a request found them: what it writes is compared with that. */
  const loadedByContext = new WeakMap<object, Map<string, StoredSession>>();

  function loadedNow(): Map<string, StoredSession> | undefined {
    const context = Provider.ctx;
    if (!context) return undefined;
    const loaded = loadedByContext.get(context) ?? new Map<string, StoredSession>();
    loadedByContext.set(context, loaded);
    return loaded;
  }

  function note(found: StoredSession | undefined): AdapterPayload | undefined {
    if (found) loadedNow()?.set(String(found.payload.uid), structuredClone(found));
    return found?.payload;
  }

  async function originOf(accountId: string): Promise<SessionOrigin> {
    const context = Provider.ctx;
    if (!context) throw new Error('nobody signs in outside a request');
    return describeOrigin(context, accountId);
  }

  /** A stronger authentication makes a session no younger. */
  async function addToList(
    payload: AdapterPayload,
    known: AdapterPayload | undefined,
    origin: SessionOrigin,
    accountId: string,
  ): Promise<void> {
    await records.addEntry(accountId, {
      uid: String(payload.uid),
      startedAt: known && startOf(known) === startOf(payload) ? (startOf(payload) ?? 0) * 1_000 : clock.now(),
      methods: payload.amr ?? [],
      ...origin,
    });
  }

  return {
    async find(id) {
      return isArtifactId(id) ? note(await records.find(id)) : undefined;
    },

    async findByUid(uid) {
      return isArtifactId(uid) ? note(await records.findByUid(uid)) : undefined;
    },

    async upsert(id, payload, expiresIn = 0) {
      const loaded = loadedNow()?.get(String(payload.uid));
      const known = loaded?.payload;
      const { accountId } = payload;
      const expiresAt = payload.exp ?? epochSeconds(clock) + expiresIn;
      const save = (applicationTenantId = defaultApplicationTenantId) =>
        records.save(id, payload, { expiresAt, applicationTenantId }, known && { id: String(known.jti) });
      if (accountId === undefined || !isSignIn(payload, known)) {
        await save(loaded?.applicationTenantId);
        return;
      }
      const uid = String(payload.uid);
      const origin = await originOf(accountId);
      await addToList(payload, known, origin, accountId);
      if (await save(origin.applicationTenantId)) await sessions.keepToLimit(accountId, uid);
      else await records.removeEntry(accountId, uid);
    },

    async destroy(id) {
      if (isReplaced(id)) {
        await removeReplaced(id);
        return;
      }
      const found = isArtifactId(id) ? await records.find(id) : undefined;
      if (found) await records.remove(String(found.payload.uid));
    },
  };
}

/** Somebody signed in, or proved more than before. */
function isSignIn(payload: AdapterPayload, known: AdapterPayload | undefined): boolean {
  return (
    known === undefined ||
    known.loginTs !== payload.loginTs ||
    startOf(known) !== startOf(payload) ||
    String(known.amr) !== String(payload.amr)
  );
}

/** The provider removes a session under its old id before it saves it under a new one: that is not the session's end. */
function isReplaced(id: string): boolean {
  const session: object | undefined = Provider.ctx?.oidc.session;
  return session !== undefined && 'oldId' in session && session.oldId === id;
}
