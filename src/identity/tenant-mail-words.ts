import { type Locale, localeOfTag } from '../web/i18n/locales.ts';
import { createTexts, isMessageKey, type Texts } from '../web/i18n/texts.ts';
import { isMailTemplateName, type MailTemplateName, mailVariables } from './mail-template.ts';
import type { MailTemplates } from './mail-templates.ts';
import { renderMail } from './render-mail.ts';
import type { RenderTenantMail } from './tenant-mailer.ts';

/**
 * Gives the mails of one tenant their words: its own template or the default, in the language asked for or else the tenant's. What senders pass
 * as a fact becomes a sentence here: `minutes` becomes `validity`, an alert's kind and factor become `event`, a time is written out.
 */
export function createTenantMailWords({
  templates,
  tenantName,
  language,
}: {
  templates: Pick<MailTemplates, 'get'>;
  /** As users know it. */
  tenantName: string;
  language: Locale;
}): RenderTenantMail {
  return async ({ to, template: name, locale: tag, variables }) => {
    if (!isMailTemplateName(name)) {
      throw new Error(`there is no mail template ${name}`);
    }
    const locale = (tag === undefined ? undefined : localeOfTag(tag)) ?? language;
    const { template } = await templates.get(name, locale);
    const values = { ...inWords(createTexts(locale), variables), tenant: tenantName };
    return renderMail(template, { to, locale, values });
  };
}

/** A mail as it would be, for whoever writes the template. */
export function sampleValues(
  name: MailTemplateName,
  { tenantName, issuer, locale }: { tenantName: string; issuer: string; locale: Locale },
): Readonly<Record<string, string>> {
  const declared: readonly string[] = mailVariables[name];
  const sample = {
    ...inWords(createTexts(locale), {
      minutes: '30',
      alert: 'new-device',
      factor: '',
      time: '2026-01-01T09:00:00.000Z',
    }),
    tenant: tenantName,
    name: 'Ada Lovelace',
    email: 'ada@example.com',
    source: 'Corp Login',
    link: `${issuer}/example/sample-link`,
    address: '203.0.113.7',
    device: 'Firefox, Linux',
  };
  return Object.fromEntries(Object.entries(sample).filter(([variable]) => declared.includes(variable)));
}

function inWords(texts: Texts, given: Readonly<Record<string, string>>): Record<string, string> {
  const { minutes, alert, factor = '', time, ...rest } = given;
  return {
    ...rest,
    ...(minutes === undefined ? {} : { validity: validity(texts, Number(minutes)) }),
    ...(alert === undefined ? {} : { event: eventInWords(texts, alert, factor) }),
    ...(time === undefined ? {} : { time: texts.time(new Date(time)) }),
  };
}

function validity({ t }: Texts, minutes: number): string {
  if (minutes >= 2_880) {
    return t('mail.days', { count: Math.floor(minutes / 1_440) });
  }
  return minutes >= 120
    ? t('mail.hours', { count: Math.floor(minutes / 60) })
    : t('mail.minutes', { count: minutes });
}

function eventInWords({ t }: Texts, alert: string, factor: string): string {
  const key = `mail.event-${alert}`;
  if (!isMessageKey(key)) {
    throw new Error(`there are no words for the alert ${alert}`);
  }
  const factorKey = `mail.factor-${factor}`;
  return t(key, { factor: isMessageKey(factorKey) ? t(factorKey) : factor });
}
