import type { Mail } from '../cloud/mail/port.ts';
import type { MailDispatch } from './mail-dispatch.ts';
import type { MailQueue } from './mail-queue.ts';

/** One mail to a person of the tenant, before it has words. */
export interface TenantMail {
  to: string;
  /** A template of the tenant. */
  template: string;
  /** BCP 47; the renderer falls back to what it has. */
  locale?: string | undefined;
  /** What the template may say; escaped by the renderer. */
  variables: Readonly<Record<string, string>>;
  /** How long the mail is of use, for instance as long as its link; at most, and by default, three days. */
  usefulSeconds?: number;
}

export interface TenantMailer {
  /**
   * Resolves when the mail is safely written down; it leaves by itself, whatever becomes of this process or of the mail server. Who must
   * not show by its time whether there is such an account uses `sendSoon`.
   */
  send(mail: TenantMail): Promise<void>;
  /** Writes and sends in the background; failures are logged. The caller's answer waits for nothing. */
  sendSoon(mail: TenantMail): void;
}

/** Gives a mail its words, from the tenant's templates. */
export type RenderTenantMail = (mail: Omit<TenantMail, 'usefulSeconds'>) => Promise<Mail>;

export function createTenantMailer({
  queue,
  render,
  dispatch,
}: {
  queue: MailQueue;
  render: RenderTenantMail;
  dispatch: MailDispatch;
}): TenantMailer {
  async function send({ usefulSeconds, ...mail }: TenantMail): Promise<void> {
    const attempt = await queue.add({
      mail: await render(mail),
      template: mail.template,
      ...(usefulSeconds === undefined ? {} : { usefulSeconds }),
    });
    dispatch.run(async () => {
      if ((await attempt()) === 'waiting') dispatch.lookAgain(queue);
    });
  }

  return {
    send,
    sendSoon(mail) {
      dispatch.run(() => send(mail));
    },
  };
}
