import type { Table } from '../cloud/tables/port.ts';
import type { Locale } from '../web/i18n/locales.ts';
import type { MailTemplate, MailTemplateName } from './mail-template.ts';
import ar from './mail-texts/ar.json' with { type: 'json' };
import de from './mail-texts/de.json' with { type: 'json' };
import en from './mail-texts/en.json' with { type: 'json' };

/** A tenant's own templates; where it has none, the default of that language counts. */
export interface MailTemplates {
  /** The template that is used. */
  get(name: MailTemplateName, locale: Locale): Promise<{ template: MailTemplate; isDefault: boolean }>;
  /** What has been changed. */
  list(): Promise<{ name: MailTemplateName; locale: Locale }[]>;
  put(name: MailTemplateName, locale: Locale, template: MailTemplate): Promise<void>;
  /** Back to the default. */
  remove(name: MailTemplateName, locale: Locale): Promise<void>;
}

/** One template in one language as delivered, paragraph by paragraph. */
interface DefaultTemplate {
  subject: string;
  text: readonly string[];
}

const defaults: Readonly<Record<Locale, Readonly<Record<MailTemplateName, DefaultTemplate>>>> = {
  en,
  de,
  ar,
};

export function defaultMailTemplate(name: MailTemplateName, locale: Locale): MailTemplate {
  const { subject, text } = defaults[locale][name];
  return { subject, text: text.join('\n\n') };
}

const pk = 'MailTemplate';

export function createMailTemplates({ table }: { table: Table }): MailTemplates {
  const keyOf = (name: MailTemplateName, locale: Locale) => ({ pk, sk: `${name}#${locale}` });
  return {
    async get(name, locale) {
      const item = await table.get(keyOf(name, locale));
      return item
        ? { template: JSON.parse(String(item.document)) as MailTemplate, isDefault: false }
        : { template: defaultMailTemplate(name, locale), isDefault: true };
    },
    async list() {
      // There can be no more than templates times languages, which is less than a page.
      const { items } = await table.query({ pk });
      return items.map(({ sk }) => {
        const [name, locale] = sk.split('#');
        return { name: name as MailTemplateName, locale: locale as Locale };
      });
    },
    async put(name, locale, template) {
      await table.put({ ...keyOf(name, locale), document: JSON.stringify(template) });
    },
    async remove(name, locale) {
      await table.delete(keyOf(name, locale));
    },
  };
}
