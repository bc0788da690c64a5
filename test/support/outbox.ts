import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OutboxMail } from '../../src/cloud/mail/outbox.ts';

/** What has left an outbox directory, oldest first, also while a server writes to it; nothing when there is no such directory. */
export async function readMails(directory: string): Promise<OutboxMail[]> {
  // Anything else is a draft: what a process is writing, or what a killed one was.
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith('.json'));
  return Promise.all(
    names.sort().map(async (name) => JSON.parse(await readFile(join(directory, name), 'utf8')) as OutboxMail),
  );
}
