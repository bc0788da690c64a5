import type { Mail } from '../../src/cloud/mail/port.ts';

/** Reads a mail as a mail program would, as far as our mails need it: RFC 5322, MIME parts, quoted-printable and base64, encoded words. */
export function parseMail(raw: string): Mail {
  const { headers, body } = splitHeaders(raw);
  const type = headers.get('content-type') ?? 'text/plain';
  const boundary = /boundary="?([^";]+)"?/.exec(type)?.[1];
  const parts =
    boundary === undefined
      ? [{ type, text: decode(headers, body) }]
      : body
          .split(`--${boundary}`)
          .slice(1, -1)
          .map((part) => {
            const inner = splitHeaders(part.replace(/^\r?\n/, ''));
            return { type: inner.headers.get('content-type') ?? '', text: decode(inner.headers, inner.body) };
          });
  const textOf = (kind: string) => parts.find((part) => part.type.startsWith(kind))?.text;
  const html = textOf('text/html');
  return {
    to: headers.get('to') ?? '',
    subject: decodeWords(headers.get('subject') ?? ''),
    text: textOf('text/plain') ?? '',
    ...(html === undefined ? {} : { html }),
  };
}

function splitHeaders(raw: string): { headers: Map<string, string>; body: string } {
  const end = raw.search(/\r?\n\r?\n/);
  const lines = raw
    .slice(0, end)
    .replace(/\r?\n[ \t]+/g, ' ')
    .split(/\r?\n/);
  const headers = new Map(
    lines.map((line) => {
      const [name = '', ...value] = line.split(':');
      return [name.toLowerCase(), value.join(':').trim()] as const;
    }),
  );
  return { headers, body: raw.slice(end).replace(/^\r?\n\r?\n/, '') };
}

function decode(headers: Map<string, string>, body: string): string {
  const text = body.replace(/\r\n/g, '\n').replace(/\n$/, '');
  switch (headers.get('content-transfer-encoding')) {
    case 'base64':
      return Buffer.from(text, 'base64').toString();
    case 'quoted-printable':
      return quotedPrintable(text.replace(/=\n/g, ''));
    default:
      return text;
  }
}

function quotedPrintable(text: string): string {
  return Buffer.from(
    text.replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString();
}

function decodeWords(text: string): string {
  return text.replace(/=\?utf-8\?([qb])\?([^?]*)\?=/gi, (_, encoding: string, word: string) =>
    encoding.toLowerCase() === 'b'
      ? Buffer.from(word, 'base64').toString()
      : quotedPrintable(word.replaceAll('_', ' ')),
  );
}
