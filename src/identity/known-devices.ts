import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Context } from 'koa';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { type Random, randomId } from '../kernel/random.ts';
import type { Account } from './accounts.ts';

/** A browser, as its cookie of this tenant shows it. Its id is random, differs from tenant to tenant, and is stored nowhere on the server. */
export interface Device {
  /** The browser's id when this account has signed in on it before. */
  idForAccount(accountId: string): string | undefined;
  /** The same by the address as typed, so that nothing has to be looked up: for `AttemptLimits`, with its `realm`. */
  idForAddress(realm: string, email: string): string | undefined;
}

export interface KnownDevices {
  read(context: Pick<Context, 'get'>): Device;
  /**
   * After a sign-in that succeeded, by the password of the directory `directoryId` if one is named: sets the cookie. Accounts that were
   * remembered before stay, the latest few of them.
   */
  remember(
    context: Pick<Context, 'get' | 'append'>,
    account: Pick<Account, 'id' | 'applicationTenantId' | 'email'>,
    directoryId?: string,
  ): void;
}

interface Content {
  id: string;
  /** Epoch seconds. */
  until: number;
  /** Two or three for each account, the latest account first. */
  marks: readonly string[];
}

const cookieName = 'device';
const lifeSeconds = 180 * 86_400;
const maxMarks = 10;

/**
 * Knows browsers again, to tell a person of a new one and to keep strangers' failures apart from the owner's. The cookie is signed with the
 * tenant's cookie keys and bound to its path. It holds hashes that only whoever names the account can check, gives no access to anything,
 * and is sent to this tenant alone.
 */
export function createKnownDevices({
  path,
  secure,
  cookieKeys,
  clock,
  random,
}: {
  /** `/<slug>`. */
  path: string;
  /** Whether the public URL is https. */
  secure: boolean;
  /** The first signs, all verify. */
  cookieKeys: readonly string[];
  clock: Clock;
  random: Random;
}): KnownDevices {
  function signatureOf(payload: string, cookieKey: string): Buffer {
    const key = createHmac('sha256', cookieKey).update('known-device').digest();
    return createHmac('sha256', key).update(`${path} ${payload}`).digest();
  }

  function contentOf(context: Pick<Context, 'get'>): Content | undefined {
    const cookie = cookiePattern.exec(context.get('cookie'));
    const [, payload = '', text = ''] = cookie ?? [];
    const signature = Buffer.from(text, 'base64url');
    const isOurs = cookieKeys.some((key) => {
      const expected = signatureOf(payload, key);
      return signature.length === expected.length && timingSafeEqual(signature, expected);
    });
    if (!cookie || !isOurs) return undefined;
    const content = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Content;
    return content.until > epochSeconds(clock) ? content : undefined;
  }

  return {
    read(context) {
      const content = contentOf(context);
      const idFor = (subject: string) =>
        content?.marks.includes(markOf(content.id, subject)) ? content.id : undefined;
      return {
        idForAccount: (accountId) => idFor(accountId),
        idForAddress: (realm, email) => idFor(addressOf(realm, email)),
      };
    },

    remember(context, { id: accountId, applicationTenantId, email }, directoryId) {
      const known = contentOf(context);
      const id = known?.id ?? randomId(random);
      const realms = [applicationTenantId, ...(directoryId === undefined ? [] : [directoryId])];
      const fresh = [accountId, ...realms.map((realm) => addressOf(realm, email))].map((subject) =>
        markOf(id, subject),
      );
      const others = (known?.marks ?? []).filter((mark) => !fresh.includes(mark));
      const marks = [...fresh, ...others].slice(0, maxMarks);
      const content: Content = { id, until: epochSeconds(clock) + lifeSeconds, marks };
      const payload = Buffer.from(JSON.stringify(content)).toString('base64url');
      const signature = signatureOf(payload, cookieKeys[0] ?? '').toString('base64url');
      context.append(
        'Set-Cookie',
        `${cookieName}=${payload}.${signature}; Path=${path}; Max-Age=${lifeSeconds}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`,
      );
    },
  };
}

const cookiePattern = /(?:^|;\s*)device=([A-Za-z0-9_-]{1,2000})\.([A-Za-z0-9_-]{43})(?=;|$)/;

/** Means nothing to whoever does not know both. */
function markOf(id: string, subject: string): string {
  return createHash('sha256').update(`${id} ${subject}`).digest('base64url').slice(0, 22);
}

function addressOf(realm: string, email: string): string {
  return `${realm} ${email.trim().toLowerCase()}`;
}
