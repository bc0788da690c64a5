import { Type } from 'typebox';
import { mailTemplateSchema } from '../../identity/mail-template.ts';
import { locales } from '../../web/i18n/locales.ts';
import { inline, shape } from '../answer-schema.ts';

const about = { template: Type.String(), variables: Type.Array(Type.String()) };
const language = Type.Enum([...locales]);

export const mailTemplateListSchema = shape('MailTemplateList', {
  templates: Type.Array(
    inline({
      ...about,
      languages: Type.Array(inline({ language, isDefault: Type.Boolean() })),
    }),
  ),
});

export const mailTemplateViewSchema = shape('MailTemplate', {
  ...about,
  language,
  isDefault: Type.Boolean(),
  ...mailTemplateSchema.properties,
});

export const mailPreviewSchema = shape('MailPreview', {
  subject: Type.String(),
  text: Type.String(),
  html: Type.Optional(Type.String()),
});
