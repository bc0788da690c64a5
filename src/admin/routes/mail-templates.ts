import { Type } from 'typebox';
import { auditMailTemplateChanged } from '../../audit/events.ts';
import {
  isMailTemplateName,
  type MailTemplateName,
  mailTemplateNames,
  mailTemplateProblems,
  mailTemplateSchema,
  mailVariables,
} from '../../identity/mail-template.ts';
import { renderMail } from '../../identity/render-mail.ts';
import { sampleValues } from '../../identity/tenant-mail-words.ts';
import { AppError } from '../../kernel/errors.ts';
import { type Locale, locales } from '../../web/i18n/locales.ts';
import type { AccessRules, PathParameters } from '../access.ts';
import type { Answer } from '../answer.ts';
import { json } from '../answer-schema.ts';
import {
  mailPreviewSchema,
  mailTemplateListSchema,
  mailTemplateViewSchema,
} from '../answers/mail-templates.ts';
import { assertMatch, showMember } from '../etag.ts';
import { type OpenTenant, type OpenTenantDependencies, openTenant } from '../open-tenant.ts';
import { noQuery } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface MailTemplateRoutesDependencies extends OpenTenantDependencies {
  publicUrl: URL;
}

interface Which {
  name: MailTemplateName;
  locale: Locale;
}

/** What a tenant's mails to its users say (B5). */
export function mailTemplateRoutes(
  { read, write, change }: RouteKinds,
  access: AccessRules,
  dependencies: MailTemplateRoutesDependencies,
): Route[] {
  const { clock, publicUrl } = dependencies;
  const collection = '/api/tenants/{slug}/mail-templates';
  const member = `${collection}/{template}/{language}`;

  async function view({ mailTemplates }: OpenTenant, { name, locale }: Which): Promise<object> {
    const { template, isDefault } = await mailTemplates.get(name, locale);
    return { template: name, language: locale, isDefault, variables: mailVariables[name], ...template };
  }

  /** Mails go to addresses, so no address is anybody's: the sample's recipient is the example's. */
  async function preview(
    { record, branding, mailTemplates }: OpenTenant,
    { name, locale }: Which,
    draft: object,
  ): Promise<Answer> {
    const [{ template }, { displayName }] = await Promise.all([
      mailTemplates.get(name, locale),
      branding.get(),
    ]);
    const values = sampleValues(name, {
      tenantName: displayName ?? record.name,
      issuer: `${publicUrl.origin}/${record.slug}`,
      locale,
    });
    const { to: _, ...body } = renderMail(
      { ...template, ...draft },
      { to: 'ada@example.com', locale, values },
    );
    return { status: 200, body };
  }

  return [
    read({
      path: collection,
      operation: 'listMailTemplates',
      summary: 'List mail templates',
      answers: { 200: json(mailTemplateListSchema) },
      access: access.tenant('branding:read'),
      query: noQuery,
      async handle({ caller }) {
        const { mailTemplates } = await openTenant(dependencies, caller.slug);
        const own = await mailTemplates.list();
        const templates = mailTemplateNames.map((name) => ({
          template: name,
          variables: mailVariables[name],
          languages: locales.map((language) => ({
            language,
            isDefault: !own.some((one) => one.name === name && one.locale === language),
          })),
        }));
        return { status: 200, body: { templates } };
      },
    }),
    read({
      path: member,
      operation: 'getMailTemplate',
      summary: 'Read a mail template',
      answers: { 200: json(mailTemplateViewSchema, 'ETag') },
      access: access.tenant('branding:read'),
      query: noQuery,
      async handle({ caller, params }) {
        return showMember(await view(await openTenant(dependencies, caller.slug), whichOf(params)));
      },
    }),
    change({
      path: member,
      operation: 'changeMailTemplate',
      summary: 'Change a mail template',
      answers: { 200: json(mailTemplateViewSchema, 'ETag') },
      access: access.tenant('branding:write'),
      document: mailTemplateSchema,
      async handle({ caller, params, transaction, ifMatch, merge }) {
        const tenant = await openTenant(dependencies, caller.slug);
        const which = whichOf(params);
        assertMatch(ifMatch, await view(tenant, which));
        const { template: before } = await tenant.mailTemplates.get(which.name, which.locale);
        const after = merge(before);
        refuse(mailTemplateProblems(which.name, after));
        await tenant.mailTemplates.put(which.name, which.locale, after);
        await auditMailTemplateChanged(transaction, clock, {
          tenantId: tenant.record.id,
          actor: caller.actor,
          template: which.name,
          language: which.locale,
        });
        return showMember(await view(tenant, which));
      },
    }),
    write({
      method: 'DELETE',
      path: member,
      operation: 'resetMailTemplate',
      summary: 'Go back to the default mail template',
      answers: { 200: json(mailTemplateViewSchema, 'ETag') },
      access: access.tenant('branding:write'),
      body: Type.Object({}, { additionalProperties: false }),
      async handle({ caller, params, ifMatch, transaction }) {
        const tenant = await openTenant(dependencies, caller.slug);
        const which = whichOf(params);
        assertMatch(ifMatch, await view(tenant, which));
        await tenant.mailTemplates.remove(which.name, which.locale);
        await auditMailTemplateChanged(transaction, clock, {
          tenantId: tenant.record.id,
          actor: caller.actor,
          template: which.name,
          language: which.locale,
        });
        return showMember(await view(tenant, which));
      },
    }),
    write({
      path: `${member}/preview`,
      operation: 'previewMail',
      summary: 'See what a mail would look like',
      answers: { 200: json(mailPreviewSchema) },
      access: access.tenant('branding:read'),
      body: Type.Partial(mailTemplateSchema),
      async handle({ caller, params, body }) {
        const which = whichOf(params);
        refuse(mailTemplateProblems(which.name, body));
        return preview(await openTenant(dependencies, caller.slug), which, body);
      },
    }),
  ];
}

function whichOf({ template: name = '', language = '' }: PathParameters): Which {
  const locale = locales.find((one) => one === language);
  if (!isMailTemplateName(name) || locale === undefined) {
    throw new AppError('not_found', 'There is no such mail template.');
  }
  return { name, locale };
}

function refuse(fields: ReturnType<typeof mailTemplateProblems>): void {
  if (fields.length > 0) {
    throw new AppError('validation_failed', 'Some fields are not valid.', { fields });
  }
}
