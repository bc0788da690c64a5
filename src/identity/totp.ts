/**
 * Authenticator apps (B4): time-based one-time passwords (RFC 6238) with the parameters that every app knows, SHA-1, six digits, 30 seconds.
 * An account has one app at most. The secret is sealed by the tenant's key store for this account; it is shown while the app is being set up
 * and never again.
 *
 * A code is good in its own step and in the ones before and after it (clocks differ), and once: the step of the last accepted code is kept,
 * and one conditional write moves it on.
 */
import { createHash } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import type { TenantKeys } from '../cloud/keys/port.ts';
import { ConditionFailed, type Item, type Table } from '../cloud/tables/port.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import type { Account } from './accounts.ts';
import { factorKey } from './factor-items.ts';

export interface TotpEnrolment {
  /** The secret for typing it into an app: base32. */
  secret: string;
  /** The same for a QR code: `otpauth://totp/…`. */
  uri: string;
}

export interface TotpCodes {
  /**
   * The secret that the person is to put into an app. It stays the same for `ticket` for a quarter of an hour, so a page may be shown again.
   * `ticket` is a secret of the browser's sign-in or session: what one browser was shown, another cannot make the account's factor.
   */
  begin(account: Pick<Account, 'id' | 'email'>, ticket: string): Promise<TotpEnrolment>;
  /**
   * Makes it the account's factor when the app shows the right code. An app that the account has stays, `exists`, unless it is to be replaced; then
   * it counts until this one takes its place.
   */
  confirm(
    accountId: string,
    ticket: string,
    code: string,
    options?: { replace: boolean },
  ): Promise<'enrolled' | 'wrong' | 'expired' | 'exists'>;
  /** `used`: the code is right and was accepted before, or an older one than the last. Of parallel calls with one code one is accepted. */
  verify(accountId: string, code: string): Promise<'accepted' | 'wrong' | 'used'>;
}

/** The name of the factor's item. */
export const totpName = 'totp';

export function createTotpCodes({
  table,
  sealer,
  clock,
  random,
  issuerName,
}: {
  table: Table;
  sealer: Pick<TenantKeys, 'seal' | 'unseal'>;
  clock: Clock;
  random: Random;
  /** What apps show beside the account: the tenant's name. */
  issuerName: string;
}): TotpCodes {
  async function unsealSecret(accountId: string, item: Item): Promise<Secret> {
    return secretOf(await sealer.unseal(purposeOf(accountId), String(item.sealedSecret)));
  }

  async function findEnrolment(accountId: string, ticket: string): Promise<Item | undefined> {
    const item = await table.get(enrolmentKey(accountId, ticket));
    return item && (item.expiresAt ?? 0) > epochSeconds(clock) ? item : undefined;
  }

  /** The step whose code this is, or `undefined`. */
  function stepOf(secret: Secret, code: string): number | undefined {
    const token = code.replace(/[\s-]/g, '');
    if (!/^\d{6}$/.test(token)) {
      return undefined;
    }
    const timestamp = clock.now();
    const delta = TOTP.validate({ ...parameters, token, secret, timestamp, window: 1 });
    return delta === null ? undefined : TOTP.counter({ period: parameters.period, timestamp }) + delta;
  }

  return {
    async begin(account, ticket) {
      let secret: Secret;
      const found = await findEnrolment(account.id, ticket);
      if (found) {
        secret = await unsealSecret(account.id, found);
      } else {
        const bytes = random.bytes(secretBytes);
        secret = secretOf(bytes);
        await table.put({
          ...enrolmentKey(account.id, ticket),
          sealedSecret: await sealer.seal(purposeOf(account.id), bytes),
          expiresAt: epochSeconds(clock) + enrolmentSeconds,
        });
      }
      const totp = new TOTP({ ...parameters, issuer: issuerName, label: account.email, secret });
      return { secret: secret.base32, uri: totp.toString() };
    },

    async confirm(accountId, ticket, code, { replace } = { replace: false }) {
      const enrolment = await findEnrolment(accountId, ticket);
      if (!enrolment) {
        return 'expired';
      }
      const step = stepOf(await unsealSecret(accountId, enrolment), code);
      if (step === undefined) {
        return 'wrong';
      }
      const former = replace ? await table.get(factorKey(accountId, totpName)) : undefined;
      try {
        await table.put(
          {
            ...factorKey(accountId, totpName),
            sealedSecret: String(enrolment.sealedSecret),
            lastStep: step,
            createdAt: new Date(clock.now()).toISOString(),
          },
          [
            former === undefined
              ? { exists: false }
              : { attribute: 'sealedSecret', equals: String(former.sealedSecret) },
          ],
        );
      } catch (error) {
        if (error instanceof ConditionFailed) {
          return 'exists';
        }
        throw error;
      }
      await table.delete(enrolmentKey(accountId, ticket));
      return 'enrolled';
    },

    async verify(accountId, code) {
      const item = await table.get(factorKey(accountId, totpName));
      const step = item && stepOf(await unsealSecret(accountId, item), code);
      if (!item || step === undefined) {
        return 'wrong';
      }
      const lastStep = Number(item.lastStep);
      if (step <= lastStep) {
        return 'used';
      }
      try {
        await table.update(factorKey(accountId, totpName), { set: { lastStep: step } }, [
          { attribute: 'lastStep', equals: lastStep },
          { attribute: 'sealedSecret', equals: String(item.sealedSecret) },
        ]);
        return 'accepted';
      } catch (error) {
        if (error instanceof ConditionFailed) {
          return 'used';
        }
        throw error;
      }
    },
  };
}

const parameters = { algorithm: 'SHA1', digits: 6, period: 30 } as const;

/** The length of the hash's output (RFC 4226 §4, R6). */
const secretBytes = 20;

const enrolmentSeconds = 900;

function purposeOf(accountId: string): string {
  return `totp ${accountId}`;
}

function secretOf(bytes: Uint8Array): Secret {
  return new Secret({ buffer: new Uint8Array(bytes).buffer });
}

/** Not beside the factors: what is not confirmed yet is none. */
function enrolmentKey(accountId: string, ticket: string) {
  const digest = createHash('sha256').update(ticket).digest('base64url');
  return { pk: `Account#${accountId}`, sk: `totp-enrolment#${digest}` };
}
