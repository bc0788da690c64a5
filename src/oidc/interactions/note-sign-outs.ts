import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Accounts } from '../../identity/accounts.ts';
import type { ActivityLog } from '../../identity/activity-log.ts';

/** Notes who ended their own session (OpenID Connect RP-Initiated Logout 1.0); whoever says no on that page stays signed in. */
export function noteSignOuts(
  provider: Provider,
  { accounts, activity }: { accounts: Pick<Accounts, 'get'>; activity: Pick<ActivityLog, 'note'> },
): void {
  provider.on('end_session.success', (context: KoaContextWithOIDC) => {
    const { session, params, client } = context.oidc;
    const accountId = session?.accountId;
    if (params?.logout !== undefined && accountId !== undefined) {
      const clientId = client?.clientId;
      const account = () => accounts.get(accountId);
      activity.note(
        { kind: 'signed-out', account, ...(clientId === undefined ? {} : { clientId }) },
        context,
      );
    }
  });
}
