import type { Secret } from '../kernel/secret.ts';
import { endpointOf } from './infrastructure-settings.ts';

export type MailSettings =
  | { kind: 'outbox' }
  | { kind: 'smtp'; url: Secret }
  /** `endpoint` absent: AWS in `region`. */
  | { kind: 'ses'; region: string; endpoint: string | undefined };

export function composeMail({
  MAIL,
  SMTP_URL,
  SES_ENDPOINT,
  AWS_REGION,
}: {
  MAIL: MailSettings['kind'];
  SMTP_URL: Secret | undefined;
  SES_ENDPOINT: URL | 'aws';
  AWS_REGION: string;
}): MailSettings {
  if (MAIL === 'smtp' && SMTP_URL) {
    return { kind: 'smtp', url: SMTP_URL };
  }
  return MAIL === 'ses'
    ? { kind: 'ses', region: AWS_REGION, endpoint: endpointOf(SES_ENDPOINT) }
    : { kind: 'outbox' };
}
