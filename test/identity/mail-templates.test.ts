import { describe, expect, it } from 'vitest';
import { checkMail } from '../../src/cloud/mail/check-mail.ts';
import {
  type MailTemplate,
  mailTemplateNames,
  mailTemplateProblems,
  mailVariables,
} from '../../src/identity/mail-template.ts';
import { createMailTemplates, defaultMailTemplate } from '../../src/identity/mail-templates.ts';
import { renderMail } from '../../src/identity/render-mail.ts';
import { securityAlertKinds } from '../../src/identity/security-alerts.ts';
import { createTenantMailWords, sampleValues } from '../../src/identity/tenant-mail-words.ts';
import { locales } from '../../src/web/i18n/locales.ts';
import { createTenantTable } from './identity-table.ts';

const everyDefault = mailTemplateNames.flatMap((name) => locales.map((locale) => [name, locale] as const));
const link = 'https://id.example/acme/verify-email/token';

describe.each(everyDefault)('the default %s in %s', (name, locale) => {
  const template = defaultMailTemplate(name, locale);

  it('is one that a tenant might have written', () => {
    expect(mailTemplateProblems(name, template)).toEqual([]);
  });

  it('is a whole mail with every variable that it has', () => {
    const values = sampleValues(name, { tenantName: 'Acme', issuer: 'https://id.example/acme', locale });
    const mail = renderMail(template, { to: 'ada@example.com', locale, values });
    checkMail(mail);
    expect(Object.keys(values).sort()).toEqual([...mailVariables[name]].sort());
    for (const part of [mail.subject, mail.text, mail.html ?? '']) {
      expect(part).not.toMatch(/[{}]|undefined/);
    }
    expect(mail.html).toContain(`lang="${locale}" dir="${locale === 'ar' ? 'rtl' : 'ltr'}"`);
  });
});

describe('what a tenant writes', () => {
  const fields = (template: Partial<MailTemplate>) =>
    mailTemplateProblems('verification', template).map(({ field, message }) => `${field} ${message}`);

  it('may have declared variables only; an unknown one is named', () => {
    expect(fields({ subject: 'Hi {{name}} {{ password }}' })).toEqual([
      expect.stringContaining('subject has the unknown variable name; this mail has tenant, email'),
      expect.stringContaining('subject has the unknown variable password'),
    ]);
    expect(fields({ text: '{{link}} {{ a.b }}' })).toEqual(['text has braces that are no variable']);
    expect(fields({ text: '{{link}} {{constructor}}' })).toHaveLength(1);
  });

  it('must lead where the mail is there to lead, and nowhere else', () => {
    expect(fields({ text: 'Welcome.' })).toEqual(['text must have the variable link']);
    for (const elsewhere of ['https://evil.example', 'HTTP://evil.example', 'www.evil.example']) {
      expect(fields({ text: `{{link}} ${elsewhere}` })).toEqual([expect.stringContaining('web addresses')]);
    }
  });

  it.each([
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '<p onclick="x">',
    '<a href="javascript:alert(1)">',
    '<a href="{{link}}" style="x">',
    '<a href="{{email}}">',
    '<P STYLE=x>',
    '<!-- x -->',
    '<p',
    '1 < 2',
    '<style>*{}</style>',
  ])('may not have the markup %s', (markup) => {
    expect(fields({ html: `<p>{{link}}</p>${markup}` }).length).toBeGreaterThan(0);
  });

  it('may have simple markup', () => {
    expect(fields({ html: '<h1>Hi</h1><p>a<br>b &lt;</p><a href="{{link}}">Go</a>' })).toEqual([]);
  });

  it('has a subject of one line', () => {
    for (const subject of ['a\r\nBcc: x@y.example', 'a\nb', 'a\u2028b', 'a\0']) {
      expect(fields({ subject })).toEqual([expect.stringContaining('one line')]);
    }
  });
});

describe('values', () => {
  const render = (values: Record<string, string>, template: Partial<MailTemplate> = {}) =>
    renderMail(
      { subject: 'For {{name}}', text: 'Hello {{name}}\n\n{{link}}', ...template },
      { to: 'ada@example.com', locale: 'en', values: { link, ...values } },
    );

  it('cannot write headers, lines or markup of their own', () => {
    const mail = render({ name: 'Eve\r\nBcc: victim@example.com\r\n\r\n<script>alert(1)</script>\u202Etxt' });
    checkMail(mail);
    expect(mail.subject).toBe('For Eve Bcc: victim@example.com <script>alert(1)</script>txt');
    expect(mail.text.split('\n')[0]).toBe('Hello Eve Bcc: victim@example.com <script>alert(1)</script>txt');
    expect(mail.html).not.toContain('<script');
    expect(mail.html).toContain('&lt;script&gt;');
  });

  it('are no templates themselves', () => {
    expect(render({ name: '{{link}}' }).subject).toBe('For {{link}}');
  });

  it('do not grow without end', () => {
    expect(render({ name: 'x'.repeat(10_000) }).subject.length).toBeLessThan(400);
  });

  it('make the link one that can be followed', () => {
    expect(render({ name: 'Ada' }).html).toContain(`<a href="${link}">${link}</a>`);
    expect(render({ name: 'Ada' }).text).toContain(`\n${link}\n`);
  });

  it('that are missing are our fault', () => {
    expect(() => render({})).toThrow('name');
  });
});

describe('a tenant’s templates', () => {
  it('count in their language only, until they are removed', async () => {
    const templates = createMailTemplates(await createTenantTable());
    const own = { subject: 'Own {{tenant}}', text: '{{link}}' };
    await templates.put('verification', 'de', own);
    expect(await templates.get('verification', 'de')).toEqual({ template: own, isDefault: false });
    expect((await templates.get('verification', 'en')).isDefault).toBe(true);
    expect(await templates.list()).toEqual([{ name: 'verification', locale: 'de' }]);
    await templates.remove('verification', 'de');
    expect((await templates.get('verification', 'de')).isDefault).toBe(true);
  });
});

describe('words', () => {
  const words = createTenantMailWords({
    templates: {
      get: async (name, locale) => ({ template: defaultMailTemplate(name, locale), isDefault: true }),
    },
    tenantName: 'Acme & Sons',
    language: 'de',
  });
  const alert = {
    name: 'Ada',
    email: 'ada@example.com',
    time: '2026-01-01T09:00:00.000Z',
    address: '203.0.113.7',
    device: 'Firefox, Linux',
  };

  it.each(securityAlertKinds)('exist for the alert %s in every language', async (kind) => {
    const texts = await Promise.all(
      locales.map(async (locale) => {
        const variables = { ...alert, alert: kind, factor: 'totp' };
        return (await words({ to: 'ada@example.com', template: 'security-alert', locale, variables })).text;
      }),
    );
    expect(new Set(texts).size).toBe(locales.length);
  });

  it('are the tenant’s language when nobody asks for one that we speak', async () => {
    const variables = { email: 'ada@example.com', link, minutes: '30' };
    for (const locale of [undefined, 'fr']) {
      const mail = await words({ to: 'ada@example.com', template: 'verification', locale, variables });
      expect(mail.subject).toBe('Bestätigen Sie Ihre E-Mail-Adresse für Acme & Sons');
      expect(mail.text).toContain('innerhalb von 30 Minuten');
    }
    const mail = await words({
      to: 'a@b.example',
      template: 'verification',
      locale: 'en-GB',
      variables: { ...variables, minutes: '10080' },
    });
    expect(mail.text).toContain('within 7 days');
  });

  it('are not made up for a mail that does not exist', async () => {
    await expect(words({ to: 'a@b.example', template: 'toString', variables: {} })).rejects.toThrow(
      'toString',
    );
  });
});
