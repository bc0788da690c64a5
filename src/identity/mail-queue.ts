/**
 * Mail of one tenant on its way out, without PostgreSQL: the data plane sends it, and must be able to while the control plane is down. A mail is
 * written to the tenant's own table first, sealed, because mails hold links that are capabilities; then it is attempted at once; what
 * fails is attempted again later, by whichever process comes to it, and given up in the end.
 *
 * Delivery is at least once. An attempt is claimed by a conditional write that moves the mail's due time on, so a process that ends
 * during an attempt leaves the mail to the next round. The due times stand in the index, which lags: it says where to look, the claim decides.
 */

import type { TenantKeys } from '../cloud/keys/port.ts';
import { checkMail } from '../cloud/mail/check-mail.ts';
import type { Mail, Mailer } from '../cloud/mail/port.ts';
import { ConditionFailed, type Item, type ItemKey, type Table } from '../cloud/tables/port.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { type Random, randomId } from '../kernel/random.ts';
import type { Log } from '../platform/log.ts';

export interface QueuedMail {
  mail: Mail;
  /** Its kind, for the log. */
  template: string;
  /** After so long the mail is of no use to anybody, as when its link has expired; at most, and by default, three days. */
  usefulSeconds?: number;
}

export interface MailQueue {
  /**
   * Resolves when the mail is written down, with the function that makes the first attempt. `AppError('invalid_request')` for an address or
   * a subject that would write headers of its own.
   */
  add(queued: QueuedMail): Promise<() => Promise<'done' | 'waiting'>>;
  /** Attempts everything that is due, once. Returns whether mail is waiting for a later time. */
  deliverDue(): Promise<boolean>;
}

/** Waits after failed attempts, in seconds: eight attempts over about a day and a half. */
const backoffSeconds = [10, 60, 300, 1_800, 3 * 3_600, 10 * 3_600, 20 * 3_600];
/** Longer than any attempt may take. */
const claimSeconds = 120;
const longestUsefulSeconds = 3 * 86_400;
const purpose = 'mail';
const dueIndex = 'MailDue';

export function createMailQueue({
  table,
  sealer,
  mailer,
  clock,
  random,
  log,
}: {
  table: Table;
  sealer: Pick<TenantKeys, 'seal' | 'unseal'>;
  /** Hands a mail to the server that delivers it. */
  mailer: Mailer;
  clock: Clock;
  random: Random;
  log: Log;
}): MailQueue {
  const isoIn = (seconds: number) => new Date(clock.now() + seconds * 1_000).toISOString();
  const dueIn = (seconds: number, id: string) => ({ gsi1sk: `${isoIn(seconds)}#${id}` });

  /** The mail as this process alone holds it for one attempt; `undefined` when somebody else was faster. */
  async function claim({ pk, sk, attempts }: Item): Promise<Item | undefined> {
    try {
      const set = { attempts: Number(attempts) + 1, ...dueIn(claimSeconds, pk) };
      return await table.update({ pk, sk }, { set }, [{ attribute: 'attempts', equals: Number(attempts) }]);
    } catch (error) {
      if (error instanceof ConditionFailed) return undefined;
      throw error;
    }
  }

  async function attempt(item: Item): Promise<'done' | 'waiting'> {
    const key = { pk: item.pk, sk: item.sk };
    try {
      if ((item.expiresAt ?? 0) <= epochSeconds(clock)) {
        throw new AppError('invalid_request', 'The mail is of no use any more.');
      }
      const content = await sealer.unseal(purpose, String(item.sealed));
      await mailer.send(JSON.parse(Buffer.from(content).toString()) as Mail);
    } catch (error) {
      return await postpone(key, item, error);
    }
    await table.delete(key);
    return 'done';
  }

  async function postpone(key: ItemKey, item: Item, error: unknown): Promise<'done' | 'waiting'> {
    const passing = error instanceof AppError && error.code === 'temporarily_unavailable';
    const wait = passing ? backoffSeconds[Number(item.attempts) - 1] : undefined;
    const facts = { err: error, mail: item.pk, template: item.template, attempt: item.attempts };
    if (wait === undefined) {
      log.error(facts, 'a mail was given up');
      await table.delete(key);
      return 'done';
    }
    log.warn(facts, 'a mail could not be sent and will be tried again');
    await table.update(key, { set: dueIn(wait, key.pk) }, [
      { attribute: 'attempts', equals: Number(item.attempts) },
    ]);
    return 'waiting';
  }

  return {
    async add({ mail, template, usefulSeconds = longestUsefulSeconds }) {
      checkMail(mail);
      const pk = `Mail#${randomId(random)}`;
      const item: Item = {
        pk,
        sk: 'mail',
        gsi1pk: dueIndex,
        // Claimed for the attempt that follows.
        ...dueIn(claimSeconds, pk),
        attempts: 1,
        template,
        sealed: await sealer.seal(purpose, Buffer.from(JSON.stringify(mail))),
        expiresAt: epochSeconds(clock) + Math.min(usefulSeconds, longestUsefulSeconds),
      };
      await table.put(item);
      return () => attempt(item);
    },

    async deliverDue() {
      let cursor: string | undefined;
      do {
        const page = await table.query({
          index: 'gsi1',
          pk: dueIndex,
          limit: 25,
          ...(cursor === undefined ? {} : { cursor }),
        });
        for (const item of page.items) {
          if (dueOf(item) > isoIn(0)) return true;
          const claimed = await claim(item);
          if (claimed) await attempt(claimed);
        }
        cursor = page.cursor;
      } while (cursor !== undefined);
      return false;
    },
  };
}

/** ISO 8601, of fixed length, so that text order is time order. */
function dueOf({ gsi1sk }: Item): string {
  return String(gsi1sk).split('#', 1)[0] ?? '';
}
