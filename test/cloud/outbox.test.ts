import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOutboxMailer } from '../../src/cloud/mail/outbox.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { mailConformance } from '../conformance/mail.ts';
import { testClock } from '../support/clock.ts';
import { readMails } from '../support/outbox.ts';

const from = 'Tenantry <no-reply@platform.example>';
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tenantry-outbox-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function freshOutbox() {
  const directory = join(await mkdtemp(join(root, 'test-')), 'made', 'outbox');
  const clock = testClock();
  const mailer = createOutboxMailer({ directory, from, clock, random: systemRandom });
  return { directory, clock, mailer, received: () => readMails(directory) };
}

async function namesIn(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(() => [])).sort();
}

mailConformance('outbox', freshOutbox);

describe('outbox', () => {
  it('writes one file per mail, named by time and readable only by its owner', async () => {
    const { directory, clock, mailer } = await freshOutbox();
    const mail = { to: 'ada@example.com', subject: 'First', text: 'one' };
    await mailer.send(mail);
    clock.advance(1_500);
    await Promise.all([
      mailer.send({ ...mail, subject: 'Second' }),
      mailer.send({ ...mail, subject: 'Third' }),
    ]);
    const names = await namesIn(directory);
    expect(names).toHaveLength(3);
    expect(names[0]).toMatch(/^2026-01-01T00-00-00\.000Z-[\w-]{22}\.json$/);
    const modes = await Promise.all(
      names.map(async (name) => (await stat(join(directory, name))).mode & 0o777),
    );
    expect(modes).toStrictEqual([0o600, 0o600, 0o600]);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(JSON.parse(await readFile(join(directory, String(names[0])), 'utf8'))).toStrictEqual({
      ...mail,
      from,
      at: '2026-01-01T00:00:00.000Z',
    });
  });

  it('says that trying again may help when the mail cannot be written', async () => {
    const { mailer } = await freshOutbox();
    await mailer.send({ to: 'ada@example.com', subject: 'Fine', text: '' });
    const blocked = join(await mkdtemp(join(root, 'blocked-')), 'file');
    await writeFile(blocked, '');
    const broken = createOutboxMailer({ directory: blocked, from, clock: testClock(), random: systemRandom });
    await expect(broken.send({ to: 'ada@example.com', subject: 'Lost', text: '' })).rejects.toMatchObject({
      code: 'temporarily_unavailable',
    });
  });
});
