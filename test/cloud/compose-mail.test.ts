import { parse } from 'node-html-parser';
import { expect, it } from 'vitest';
import { composeMail } from '../../src/cloud/mail/compose-mail.ts';

const parts = {
  to: 'ada@acme.example',
  subject: 'Tenant <acme>',
  greeting: 'Hello Ada,',
  paragraphs: ['your tenant is ready.'],
  action: { label: 'Set your password here', url: 'https://id.example.com/acme/invitation/a?b=1&c=2' },
  facts: { Issuer: 'https://id.example.com/acme', Client: 'acme-web' },
  closing: ['Do not pass it on.'],
};

it('says the same in plain text and in HTML', () => {
  const { text, html = '' } = composeMail(parts);
  expect(text).toBe(
    [
      'Hello Ada,',
      '',
      'your tenant is ready.',
      '',
      'Set your password here:',
      '',
      'https://id.example.com/acme/invitation/a?b=1&c=2',
      '',
      'Issuer: https://id.example.com/acme',
      'Client: acme-web',
      '',
      'Do not pass it on.',
      '',
    ].join('\n'),
  );
  const page = parse(html);
  expect(page.querySelector('a')?.getAttribute('href')).toBe(parts.action.url);
  expect(page.querySelectorAll('p').map((each) => each.text)).toEqual([
    'Hello Ada,',
    'your tenant is ready.',
    `Set your password here\n${parts.action.url}`,
    'Do not pass it on.',
  ]);
});

it('lets nothing that was typed in become markup', () => {
  const evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>';
  const { html = '' } = composeMail({
    ...parts,
    subject: evil,
    greeting: evil,
    paragraphs: [evil],
    action: { label: evil, url: evil },
    facts: { [evil]: evil },
    closing: [evil],
  });
  const page = parse(html);
  expect(page.querySelectorAll('script, img')).toEqual([]);
  expect(html).not.toContain('<script');
  expect(page.querySelectorAll('a')).toHaveLength(1);
});

it('loads nothing from elsewhere', () => {
  const { html = '' } = composeMail(parts);
  expect(parse(html).querySelectorAll('img, link, script, iframe, [src]')).toEqual([]);
});
