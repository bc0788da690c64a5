import type { TenantKeys } from '../cloud/keys/port.ts';
import { checkMail } from '../cloud/mail/check-mail.ts';
import type { Mail, Mailer } from '../cloud/mail/port.ts';
import type { Clock } from '../kernel/clock.ts';
import type { TenantId } from '../kernel/ids.ts';
import { type Random, randomId } from '../kernel/random.ts';
import type { Postgres, Queryable } from '../platform/postgres.ts';
import { addMailMessage } from './messages.ts';
import type { Channel, Outbox } from './outbox.ts';

/** Mails hold links that are capabilities, so what waits in the database is sealed. */
export type MailSealer = Pick<TenantKeys, 'seal' | 'unseal'>;

const purpose = 'outbox-mail';

/**
 * Writes a mail in the caller's transaction: it leaves exactly when the change commits that it tells of. `topic` names its kind, `owner` the
 * tenant whose mail it is.
 */
export type PostMail = (transaction: Queryable, topic: string, mail: Mail, owner?: TenantId) => Promise<void>;

export interface MailMessages {
  post: PostMail;
  /**
   * The mail port over the outbox, for what happens outside any transaction: `send` resolves when the mail is safely written down, after one
   * attempt to deliver it at once. A mail server that is away holds nobody up.
   */
  mailer(outbox: Pick<Outbox, 'deliverNow'>): Mailer;
}

export function createMailMessages(deps: {
  postgres: Postgres;
  sealer: MailSealer;
  clock: Clock;
  random: Random;
}): MailMessages {
  const { postgres, sealer, clock, random } = deps;

  async function write(db: Queryable, topic: string, mail: Mail, owner?: TenantId): Promise<string> {
    checkMail(mail);
    const id = `msg_${randomId(random)}`;
    const payload = await sealer.seal(purpose, Buffer.from(JSON.stringify(mail)));
    await addMailMessage(db, { id, topic, payload, now: new Date(clock.now()), owner });
    return id;
  }

  return {
    async post(transaction, topic, mail, owner) {
      await write(transaction, topic, mail, owner);
    },
    mailer: (outbox) => ({
      async send(mail) {
        await outbox.deliverNow(await write(postgres, 'mail', mail));
      },
    }),
  };
}

/** Hands what waits to the mail server. */
export function createMailChannel({ sealer, mailer }: { sealer: MailSealer; mailer: Mailer }): Channel {
  return {
    room: { atOnce: 4, perOwner: 3 },
    async deliver({ payload }) {
      const mail = JSON.parse(Buffer.from(await sealer.unseal(purpose, payload)).toString()) as Mail;
      await mailer.send(mail);
      return {};
    },
  };
}
