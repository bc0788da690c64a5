import { describe, expect, it } from 'vitest';
import type { Mail, Mailer } from '../../src/cloud/mail/port.ts';

const mail: Mail = { to: 'ada@example.com', subject: 'Grüße', text: 'Hello,\nworld.', html: '<p>Hello</p>' };

/** What every implementation of the mail port does. `received` reads the mails that arrived, oldest first. */
export function mailConformance(
  implementation: string,
  setUp: () => Promise<{ mailer: Mailer; received: () => Promise<Mail[]> }>,
): void {
  describe(`mail port: ${implementation}`, () => {
    it('delivers what was sent', async () => {
      const { mailer, received } = await setUp();
      await mailer.send(mail);
      expect(await received()).toMatchObject([mail]);
    });

    it('delivers without an HTML part', async () => {
      const { mailer, received } = await setUp();
      await mailer.send({ to: mail.to, subject: 'Plain', text: 'text' });
      const [arrived] = await received();
      expect(arrived).toMatchObject({ subject: 'Plain', text: 'text' });
      expect(arrived).not.toHaveProperty('html');
    });

    it.each([
      ['a header in the subject', { subject: 'Hi\r\nBcc: eve@example.com' }],
      ['a line feed in the subject', { subject: 'Hi\nthere' }],
      ['a null character in the subject', { subject: 'Hi\0' }],
      ['a line separator in the subject', { subject: 'Hi\u2028there' }],
      ['a header in the recipient', { to: 'ada@example.com\r\nBcc: eve@example.com' }],
      ['two recipients', { to: 'ada@example.com,eve@example.com' }],
      ['a display name', { to: 'Ada <ada@example.com>' }],
      ['a quoted part', { to: '"a b"@example.com' }],
      ['no domain', { to: 'ada' }],
      ['two at signs', { to: 'ada@b@example.com' }],
      ['no recipient', { to: '' }],
    ])('refuses %s and delivers nothing', async (_what, change) => {
      const { mailer, received } = await setUp();
      await expect(mailer.send({ ...mail, ...change })).rejects.toMatchObject({
        name: 'AppError',
        code: 'invalid_request',
      });
      expect(await received()).toStrictEqual([]);
    });
  });
}
