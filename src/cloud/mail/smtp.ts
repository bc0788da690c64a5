import { createTransport } from 'nodemailer';
import { AppError } from '../../kernel/errors.ts';
import type { Secret } from '../../kernel/secret.ts';
import { checkMail } from './check-mail.ts';
import type { Mailer } from './port.ts';

export interface SmtpMailer extends Mailer {
  /** Closes the kept connections; nothing may be sent afterwards. */
  close(): void;
}

/** All in milliseconds: a mail server that hangs holds a delivery up no longer than this. */
const limits = {
  connectionTimeout: 10_000,
  greetingTimeout: 10_000,
  dnsTimeout: 5_000,
  socketTimeout: 20_000,
};

/**
 * Mail over SMTP (RFC 5321). `url` is `smtps://user:password@host:465`, or `smtp://…:587`, which then must offer STARTTLS unless the server is
 * on this machine: mails hold links that are capabilities, and the URL a password. `from` is the sender, with or without a display name.
 *
 * Throws `AppError('temporarily_unavailable')` when the server cannot be reached or says to try again, and `AppError('server_error')` when it
 * refuses the mail for good.
 */
export function createSmtpMailer({ url, from }: { url: Secret; from: string }): SmtpMailer {
  const { hostname } = new URL(url.reveal());
  const isLocal = hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]';
  const transport = createTransport({
    url: url.reveal(),
    pool: true,
    maxConnections: 4,
    maxMessages: 100,
    requireTLS: !isLocal,
    ...limits,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send(mail) {
      checkMail(mail);
      const { to, subject, text, html } = mail;
      try {
        await transport.sendMail({
          from,
          to: { name: '', address: to },
          subject,
          text,
          ...(html === undefined ? {} : { html }),
        });
      } catch (cause) {
        throw translate(cause);
      }
    },
    close: () => transport.close(),
  };
}

function translate(cause: unknown): AppError {
  const { code, responseCode = 0 } = cause as { code?: string; responseCode?: number };
  const detail = `SMTP: ${code ?? 'error'} ${responseCode || ''}`.trim();
  // 5yz is the server's last word about this mail (RFC 5321 §4.2.1); wrong credentials are about us and can be put right.
  if (responseCode >= 500 && code !== 'EAUTH') {
    return new AppError('server_error', `The mail server refused the mail (${responseCode}).`, { detail });
  }
  return new AppError('temporarily_unavailable', 'The mail server cannot take the mail at the moment.', {
    detail,
    cause,
  });
}
