import type { Mail } from './port.ts';

/** The parts of a mail, in plain words; what people typed in may stand anywhere in them. */
export interface MailParts {
  to: string;
  subject: string;
  greeting?: string;
  paragraphs: readonly string[];
  /** The one thing to do, as a link on a line of its own. */
  action?: { label: string; url: string };
  /** Shown as a list of names and values. */
  facts?: Readonly<Record<string, string>>;
  closing?: readonly string[];
}

/** One mail in two forms with the same content: plain text, and HTML without anything that is loaded from elsewhere. */
export function composeMail({ to, subject, ...parts }: MailParts): Mail {
  return { to, subject, text: toText(parts), html: toHtml(subject, parts) };
}

type Body = Omit<MailParts, 'to' | 'subject'>;

function toText({ greeting, paragraphs, action, facts = {}, closing = [] }: Body): string {
  const names = Object.keys(facts);
  const width = Math.max(0, ...names.map((name) => name.length)) + 2;
  const blocks = [
    ...(greeting === undefined ? [] : [greeting]),
    ...paragraphs,
    ...(action === undefined ? [] : [`${action.label}:\n\n${action.url}`]),
    ...(names.length === 0
      ? []
      : [
          Object.entries(facts)
            .map(([name, value]) => `${`${name}:`.padEnd(width)}${value}`)
            .join('\n'),
        ]),
    ...closing,
  ];
  return `${blocks.join('\n\n')}\n`;
}

function toHtml(subject: string, { greeting, paragraphs, action, facts = {}, closing = [] }: Body): string {
  const paragraph = (text: string) => `<p>${escapeHtml(text).replaceAll('\n', '<br>')}</p>`;
  const rows = Object.entries(facts).map(
    ([name, value]) =>
      `<tr><th align="left" style="padding-right:1em">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`,
  );
  const blocks = [
    ...(greeting === undefined ? [] : [paragraph(greeting)]),
    ...paragraphs.map(paragraph),
    ...(action === undefined
      ? []
      : [
          `<p><a href="${escapeHtml(action.url)}">${escapeHtml(action.label)}</a><br><small>${escapeHtml(action.url)}</small></p>`,
        ]),
    ...(rows.length === 0 ? [] : [`<table>${rows.join('')}</table>`]),
    ...closing.map(paragraph),
  ];
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head><body style="font-family:sans-serif;line-height:1.5;max-width:40em">${blocks.join('')}</body></html>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
