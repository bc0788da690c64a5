/**
 * The mails to a tenant's users: which there are, what each may say, and what a tenant may write in their place (B5). A template is text with
 * `{{variables}}`; every variable is declared here. A tenant's own template is data, not code: it can neither show more than its variables, nor
 * link to anywhere but where we do, nor bring markup beyond a few tags without attributes.
 */
import { type Static, Type } from 'typebox';
import type { FieldError } from '../kernel/errors.ts';

/** What each mail may show. Nothing that a stranger typed in goes to an address that has not been verified yet. */
export const mailVariables = {
  /** An account was made for somebody, who sets a password by the link. */
  welcome: ['tenant', 'name', 'email', 'link', 'validity'],
  /** Somebody signed up with this address. */
  verification: ['tenant', 'email', 'link', 'validity'],
  /** Somebody signed up with an address that has an account. */
  'address-in-use': ['tenant', 'email', 'link'],
  'password-reset': ['tenant', 'name', 'email', 'link', 'validity'],
  /** To the new address, before it counts. */
  'email-change': ['tenant', 'email', 'link', 'validity'],
  /** Somebody who has signed in at a source may be the account's owner. */
  'account-link': ['tenant', 'name', 'email', 'source', 'link', 'validity'],
  /** `event` says what happened. */
  'security-alert': ['tenant', 'name', 'email', 'event', 'time', 'address', 'device'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type MailTemplateName = keyof typeof mailVariables;

export const mailTemplateNames = Object.keys(mailVariables) as MailTemplateName[];

export function isMailTemplateName(text: string): text is MailTemplateName {
  return Object.hasOwn(mailVariables, text);
}

export const mailTemplateSchema = Type.Object(
  {
    subject: Type.String({ minLength: 1, maxLength: 200 }),
    text: Type.String({ minLength: 1, maxLength: 5_000 }),
    /** Made from `text` when absent. */
    html: Type.Optional(Type.String({ minLength: 1, maxLength: 10_000 })),
  },
  { additionalProperties: false },
);

export type MailTemplate = Static<typeof mailTemplateSchema>;

/** Everything that is wrong with a tenant's template, by field. */
export function mailTemplateProblems(name: MailTemplateName, template: Partial<MailTemplate>): FieldError[] {
  const { subject, text, html } = template;
  return [
    ...problemsOf('subject', subject, [variableProblems(name), addressProblems, lineProblems]),
    ...problemsOf('text', text, [variableProblems(name), addressProblems, linkProblems(name)]),
    ...problemsOf('html', html, [
      variableProblems(name),
      addressProblems,
      linkProblems(name),
      markupProblems,
    ]),
  ];
}

type Judge = (text: string) => string[];

function problemsOf(field: string, text: string | undefined, judges: readonly Judge[]): FieldError[] {
  return text === undefined
    ? []
    : judges.flatMap((judge) => judge(text)).map((message) => ({ field, message }));
}

/** Calls of variables, and what remains of braces when they are taken away. */
export const variableCall = /\{\{\s*([A-Za-z]+)\s*\}\}/g;

function variableProblems(name: MailTemplateName): Judge {
  const declared: readonly string[] = mailVariables[name];
  return (text) => {
    const unknown = [...text.matchAll(variableCall)].map(([, variable = '']) => variable);
    return [
      ...[...new Set(unknown)]
        .filter((variable) => !declared.includes(variable))
        .map((variable) => `has the unknown variable ${variable}; this mail has ${declared.join(', ')}`),
      ...(/\{\{|\}\}/.test(text.replaceAll(variableCall, '')) ? ['has braces that are no variable'] : []),
    ];
  };
}

/** A mail with a link is there for it. */
function linkProblems(name: MailTemplateName): Judge {
  const declared: readonly string[] = mailVariables[name];
  return (text) =>
    declared.includes('link') && !/\{\{\s*link\s*\}\}/.test(text) ? ['must have the variable link'] : [];
}

function addressProblems(text: string): string[] {
  return /:\/\/|\bwww\./i.test(text)
    ? ['must not have web addresses; the variable link is the only one']
    : [];
}

function lineProblems(text: string): string[] {
  return /[\p{Cc}\p{Zl}\p{Zp}]/u.test(text) ? ['must be one line without control characters'] : [];
}

const allowedTag =
  /^<(?:\/?(?:p|b|strong|i|em|u|h1|h2|h3|ul|ol|li|small|blockquote)|br|hr|a href="\{\{\s*link\s*\}\}"|\/a)>$/;

function markupProblems(html: string): string[] {
  const tags = html.match(/<[^<>]*>/g) ?? [];
  const refused = tags.filter((tag) => !allowedTag.test(tag));
  return [
    ...[...new Set(refused)].map((tag) => `must not have ${tag.slice(0, 60)}`),
    ...(/[<>]/.test(html.replaceAll(/<[^<>]*>/g, ''))
      ? ['has < or > outside a tag; write &lt; and &gt;']
      : []),
  ];
}
