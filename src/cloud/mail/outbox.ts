/**
 * The mail port without a mail server: every mail becomes one file in the outbox directory, `<time>-<id>.json`, with
 * `{to, from, subject, text, html, at}`. Names sort by time. Files appear whole or not at all and only their owner reads them, because
 * mails carry links that are capabilities.
 */
import { constants } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { type Random, randomId } from '../../kernel/random.ts';
import { checkMail } from './check-mail.ts';
import type { Mail, Mailer } from './port.ts';

/** What a file of the outbox holds. */
export interface OutboxMail extends Mail {
  from: string;
  /** ISO 8601. */
  at: string;
}

/** `directory` is made on the first mail. Throws `AppError('temporarily_unavailable')` when the mail cannot be written. */
export function createOutboxMailer(deps: {
  directory: string;
  from: string;
  clock: Clock;
  random: Random;
}): Mailer {
  const { directory, from, clock, random } = deps;
  return {
    async send(mail) {
      checkMail(mail);
      const { to, subject, text, html } = mail;
      const at = new Date(clock.now()).toISOString();
      const content: OutboxMail = { to, from, subject, text, ...(html === undefined ? {} : { html }), at };
      const name = `${at.replaceAll(':', '-')}-${randomId(random)}`;
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 });
        await writeWhole(directory, name, `${JSON.stringify(content, null, 2)}\n`);
      } catch (cause) {
        throw new AppError('temporarily_unavailable', 'The mail cannot be sent at the moment.', { cause });
      }
    },
  };
}

/** The dot keeps a file in the making out of any listing of `*.json` by a shell, the ending out of any other. */
async function writeWhole(directory: string, name: string, content: string): Promise<void> {
  const draft = join(directory, `.${name}.draft`);
  try {
    const file = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, join(directory, `${name}.json`));
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
