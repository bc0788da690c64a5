import { SESv2Client, SendEmailCommand } from '@aws-sdk/client-sesv2';
import { AppError } from '../../kernel/errors.ts';
import { isPassingFault, type SdkError } from '../sdk-faults.ts';
import { checkMail } from './check-mail.ts';
import type { Mailer } from './port.ts';

export interface SesMailer extends Mailer {
  close(): void;
}

export interface SesOptions {
  region: string;
  /** Absent: AWS in `region`. */
  endpoint?: string;
  /** Absent: the SDK's default provider chain. */
  credentials?: { accessKeyId: string; secretAccessKey: string };
  /** A verified identity, with or without a display name. */
  from: string;
}

const callMs = 20_000;

/**
 * Mail over Amazon SES. Throws `AppError('temporarily_unavailable')` for what may pass (network, throttling, a paused account), and
 * `AppError('server_error')` when SES refuses the mail.
 */
export function createSesMailer({ from, ...connection }: SesOptions): SesMailer {
  const client = new SESv2Client({
    ...connection,
    retryMode: 'standard',
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  });
  return {
    async send(mail) {
      checkMail(mail);
      const { to, subject, text, html } = mail;
      const content = (data: string) => ({ Data: data, Charset: 'UTF-8' });
      try {
        await client.send(
          new SendEmailCommand({
            FromEmailAddress: from,
            Destination: { ToAddresses: [to] },
            Content: {
              Simple: {
                Subject: content(subject),
                Body: { Text: content(text), ...(html === undefined ? {} : { Html: content(html) }) },
              },
            },
          }),
          { abortSignal: AbortSignal.timeout(callMs) },
        );
      } catch (cause) {
        throw translate(cause);
      }
    },
    close: () => client.destroy(),
  };
}

/** About our account or our load, not about the mail: an operator or time puts them right. */
const passing = new Set([
  'AccountSuspendedException',
  'LimitExceededException',
  'MailFromDomainNotVerifiedException',
  'SendingPausedException',
  'TooManyRequestsException',
]);

function translate(cause: unknown): unknown {
  if (!(cause instanceof Error)) {
    return cause;
  }
  const { name, $fault }: SdkError = cause;
  const detail = `SES: ${name}`;
  if ($fault === 'client' && !passing.has(name) && !isPassingFault(cause)) {
    return new AppError('server_error', 'The mail service refused the mail.', { detail, cause });
  }
  return new AppError('temporarily_unavailable', 'The mail service cannot take the mail at the moment.', {
    detail,
    cause,
  });
}
