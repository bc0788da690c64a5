import type { Context } from 'koa';
import { ConditionFailed, type Table } from '../../cloud/tables/port.ts';
import type { Account } from '../../identity/accounts.ts';
import type { KnownDevices } from '../../identity/known-devices.ts';
import type { MailDispatch } from '../../identity/mail-dispatch.ts';
import type { SecurityAlerts } from '../../identity/security-alerts.ts';
import type { ReadClientIp } from '../../web/client-ip.ts';

export interface DeviceWatch {
  /** Somebody has signed in, by the password of the directory if one is named. Works in the background: a sign-in waits for none of it. */
  signedIn(context: Context, account: Account, directoryId?: string): void;
  /** Whoever holds the account's mail has just taken the account on this browser, which is its owner's from now on. */
  proved(context: Context, account: Account): Promise<void>;
}

/**
 * Looks at the browsers of an account: a known one is remembered for longer, of a new one the account's owner is told. The very first browser of an
 * account is new to nobody; the one on which somebody signed up, accepted an invitation or set a forgotten password is that browser.
 */
export function createDeviceWatch({
  table,
  devices,
  alerts,
  dispatch,
  readClientIp,
}: {
  table: Table;
  devices: KnownDevices;
  alerts: SecurityAlerts;
  dispatch: Pick<MailDispatch, 'run'>;
  readClientIp: ReadClientIp;
}): DeviceWatch {
  /** True once for each account. */
  async function isFirstOf({ id }: Account): Promise<boolean> {
    try {
      await table.put({ pk: `Account#${id}`, sk: 'first-device' }, [{ exists: false }]);
      return true;
    } catch (error) {
      if (error instanceof ConditionFailed) return false;
      throw error;
    }
  }

  return {
    signedIn(context, account, directoryId) {
      const isKnown = devices.read(context).idForAccount(account.id) !== undefined;
      devices.remember(context, account, directoryId);
      if (isKnown) return;
      const clientIp = readClientIp(context.req);
      const userAgent = context.get('User-Agent');
      dispatch.run(async () => {
        if (await isFirstOf(account)) return;
        alerts.raise({ kind: 'new-device', account, clientIp, userAgent });
      });
    },

    async proved(context, account) {
      await isFirstOf(account);
      devices.remember(context, account);
    },
  };
}
