import { createHash } from 'node:crypto';
import { ConditionFailed, type Item, type ItemKey, type Table } from '../cloud/tables/port.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { type Random, randomId } from '../kernel/random.ts';

/** What a link may be used for; a link of one purpose is nothing to another. */
export type LinkPurpose =
  | 'invitation'
  | 'sign-up'
  | 'password-reset'
  | 'link-proof'
  | 'email-change'
  | 'address-verification';

export interface Link {
  /** Whom the link is for: an account id, or an address that has no account yet. */
  subject: string;
  data: Readonly<Record<string, string>>;
}

export interface Links {
  /** Returns the token: 256 random bits, base64url. It exists nowhere else: the table holds its SHA-256 only. */
  issue(link: {
    purpose: LinkPurpose;
    subject: string;
    data?: Readonly<Record<string, string>>;
    ttlSeconds: number;
  }): Promise<string>;
  /** Looks without using the link up; `undefined` for anything but a live link of this purpose. */
  peek(token: string, purpose: LinkPurpose): Promise<Link | undefined>;
  /** Uses the link up. Of several parallel calls exactly one gets the link, the others `undefined`. */
  consume(token: string, purpose: LinkPurpose): Promise<Link | undefined>;
  /** Takes a link back by the id that `linkIdOf` gave for its token. Idempotent. */
  revoke(linkId: string, purpose: LinkPurpose): Promise<void>;
}

/** Single-use, short-lived, purpose-bound links. */
export function createLinks({ table, clock, random }: { table: Table; clock: Clock; random: Random }): Links {
  async function find(token: string, purpose: LinkPurpose): Promise<Item | undefined> {
    if (!tokenPattern.test(token)) {
      return undefined;
    }
    const item = await table.get(keyOf(linkIdOf(token), purpose));
    return item && (item.expiresAt ?? 0) > epochSeconds(clock) ? item : undefined;
  }

  return {
    async issue({ purpose, subject, data = {}, ttlSeconds }) {
      const token = randomId(random, 32);
      await table.put({
        ...keyOf(linkIdOf(token), purpose),
        subject,
        data: JSON.stringify(data),
        expiresAt: epochSeconds(clock) + ttlSeconds,
      });
      return token;
    },
    async peek(token, purpose) {
      const item = await find(token, purpose);
      return item && readLink(item);
    },
    async consume(token, purpose) {
      const item = await find(token, purpose);
      if (!item) {
        return undefined;
      }
      try {
        await table.delete(keyOf(linkIdOf(token), purpose), [{ exists: true }]);
      } catch (error) {
        if (error instanceof ConditionFailed) {
          return undefined;
        }
        throw error;
      }
      return readLink(item);
    },
    async revoke(linkId, purpose) {
      await table.delete(keyOf(linkId, purpose));
    },
  };
}

/** Names the link to whoever may take it back, and opens nothing: the token cannot be found from it. */
export function linkIdOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

const tokenPattern = /^[A-Za-z0-9_-]{43}$/;

function keyOf(linkId: string, purpose: LinkPurpose): ItemKey {
  return { pk: `Link#${linkId}`, sk: purpose };
}

function readLink(item: Item): Link {
  return {
    subject: String(item.subject),
    data: JSON.parse(String(item.data)) as Record<string, string>,
  };
}
