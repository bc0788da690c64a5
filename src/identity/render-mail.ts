import type { Mail } from '../cloud/mail/port.ts';
import { escapeHtml } from '../web/escape-html.ts';
import { directionOf, type Locale } from '../web/i18n/locales.ts';
import { type MailTemplate, variableCall } from './mail-template.ts';

/** A value longer than this says nothing that a mail is there to say. */
const maxValueLength = 300;

/**
 * The mail that a template makes of these values. Each value is one line; in the HTML part it is escaped, and isolated from the direction of
 * the text around it. An undeclared variable is an error of the template's and was refused when it was stored; a value that is missing is ours,
 * and throws.
 */
export function renderMail(
  { subject, text, html = htmlOf(text) }: MailTemplate,
  { to, locale, values }: { to: string; locale: Locale; values: Readonly<Record<string, string>> },
): Mail {
  const plain = (name: string) => oneLine(valueNamed(values, name));
  const escaped = (name: string) => {
    const value = escapeHtml(plain(name));
    // The link stands in an attribute, too.
    return name === 'link' ? value : `<bdi>${value}</bdi>`;
  };
  const title = fill(subject, plain);
  return {
    to,
    subject: title,
    text: `${fill(text, plain)}\n`,
    html: `<!doctype html><html lang="${locale}" dir="${directionOf(locale)}"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title></head><body style="font-family:sans-serif;line-height:1.5;max-width:40em">${fill(html, escaped)}</body></html>`,
  };
}

/** Paragraphs of the text part; a line with nothing but the link becomes one that can be followed. */
function htmlOf(text: string): string {
  return text
    .trim()
    .split(/\n{2,}/)
    .map((paragraph) =>
      paragraph
        .split('\n')
        .map((line) =>
          /^\s*\{\{\s*link\s*\}\}\s*$/.test(line) ? '<a href="{{link}}">{{link}}</a>' : escapeHtml(line),
        )
        .join('<br>'),
    )
    .map((paragraph) => `<p>${paragraph}</p>`)
    .join('');
}

function fill(template: string, valueFor: (name: string) => string): string {
  return template.replaceAll(variableCall, (_call, name: string) => valueFor(name));
}

function valueNamed(values: Readonly<Record<string, string>>, name: string): string {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined) {
    throw new Error(`the mail has no value for its variable ${name}`);
  }
  return value;
}

/** Control characters would break lines or headers, overrides of direction would let text read as something else. */
function oneLine(value: string): string {
  return value
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll(/[\u202A-\u202E\u2066-\u2069]/g, '')
    .slice(0, maxValueLength);
}
