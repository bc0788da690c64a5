import type { Provider } from 'oidc-provider';
import { type Clock, epochSeconds } from '../../kernel/clock.ts';

/** What a session says of its beginning, in epoch seconds. */
export interface SessionStart {
  /** When the person proved to be who they are: `auth_time`. At a sign-in source that may be hours before they came here. */
  loginTs?: number | undefined;
  /** When this session began. */
  startedAt?: number | undefined;
}

/** When the session began; absent before somebody has signed in. */
export function startOf({ loginTs, startedAt = loginTs }: SessionStart): number | undefined {
  return startedAt;
}

/**
 * Has each session note when it began here: how long it lives is counted from there, however long ago the person signed in elsewhere. The
 * provider repeats a sign-in with every later prompt of its interaction, and a stronger authentication keeps its time: neither begins anew.
 */
export function installSessionStart(provider: Provider, clock: Clock): void {
  const { Session } = provider;
  const { loginAccount } = Session.prototype;
  const inPayload = (Session as unknown as { IN_PAYLOAD: string[] }).IN_PAYLOAD;
  Object.defineProperty(Session, 'IN_PAYLOAD', { get: () => [...inPayload, 'startedAt'] });
  Session.prototype.loginAccount = function (
    this: InstanceType<Provider['Session']> & SessionStart,
    details,
  ) {
    const { accountId, loginTs } = this;
    loginAccount.call(this, details);
    if (this.accountId !== accountId || this.loginTs !== loginTs) {
      this.startedAt = epochSeconds(clock);
    }
  };
}
