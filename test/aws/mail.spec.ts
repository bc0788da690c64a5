import { describe, expect, it } from 'vitest';
import type { Mail } from '../../src/cloud/mail/port.ts';
import { createSesMailer } from '../../src/cloud/mail/ses.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { mailConformance } from '../conformance/mail.ts';
import { emulator } from './emulators.ts';

interface SentMessage {
  Source: string;
  To: string[];
  Subject: string;
  BodyText: string;
  BodyHtml: string;
}

/** A mailer whose sender nobody else uses, so that its mails can be told from those of other tests. */
function freshMailer() {
  const from = `t${systemRandom.bytes(6).toString('hex')}@platform.example`;
  const mailer = createSesMailer({ ...emulator('ministack'), from });
  async function received(): Promise<Mail[]> {
    const answer = await fetch(`${emulator('ministack').endpoint}/_ministack/ses/messages`);
    const { messages } = (await answer.json()) as { messages: Record<string, SentMessage[]> };
    return Object.values(messages)
      .flat()
      .filter(({ Source }) => Source === from)
      .map(({ To, Subject, BodyText, BodyHtml }) => ({
        to: To.join(','),
        subject: Subject,
        text: BodyText,
        ...(BodyHtml === '' ? {} : { html: BodyHtml }),
      }));
  }
  return { mailer, received };
}

mailConformance('ses (ministack)', async () => freshMailer());

describe('ses', () => {
  it('says that trying again may help when the service cannot be reached', async () => {
    const mailer = createSesMailer({
      ...emulator('ministack'),
      endpoint: 'http://127.0.0.1:9',
      from: 'no-reply@platform.example',
    });
    await expect(mailer.send({ to: 'ada@example.com', subject: 'Lost', text: '' })).rejects.toMatchObject({
      code: 'temporarily_unavailable',
    });
  });
});
