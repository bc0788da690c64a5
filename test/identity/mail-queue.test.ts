import { expect, it } from 'vitest';
import type { Mail, Mailer } from '../../src/cloud/mail/port.ts';
import type { Table } from '../../src/cloud/tables/port.ts';
import { createMailDispatch } from '../../src/identity/mail-dispatch.ts';
import { createMailQueue } from '../../src/identity/mail-queue.ts';
import { createTenantMailer } from '../../src/identity/tenant-mailer.ts';
import { AppError } from '../../src/kernel/errors.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { testClock } from '../support/clock.ts';
import { silentLog } from '../support/services.ts';
import { createTenantTable } from './identity-table.ts';

const mail: Mail = { to: 'ada@example.com', subject: 'Reset', text: 'https://id.example/secret-link' };

/** A mail server that refuses as often as told, and several processes in front of it. */
async function createMailFixture() {
  const { table } = await createTenantTable();
  const clock = testClock();
  const arrived: Mail[] = [];
  let failures: Error[] = [];
  const mailer: Mailer = {
    async send(given) {
      const failure = failures.shift();
      if (failure) throw failure;
      arrived.push(given);
    },
  };
  const sealer = {
    seal: async (purpose: string, text: Uint8Array) => `${purpose}:${Buffer.from(text).toString('base64')}`,
    unseal: async (_purpose: string, sealed: string) => Buffer.from(sealed.split(':')[1] ?? '', 'base64'),
  };
  const process = (over: Table = table) =>
    createMailQueue({ table: over, sealer, mailer, clock, random: systemRandom, log: silentLog });
  return {
    table,
    clock,
    arrived,
    process,
    failWith(...errors: Error[]) {
      failures = errors;
    },
    async waiting() {
      return (await table.query({ index: 'gsi1', pk: 'MailDue' })).items;
    },
  };
}

const away = () => new AppError('temporarily_unavailable', 'The mail server is away.');

it('writes a mail down, sealed, before it is sent, and removes it afterwards', async () => {
  const { process, waiting, arrived } = await createMailFixture();
  const attempt = await process().add({ mail, template: 'password-reset' });
  const [item] = await waiting();
  expect(item).toMatchObject({ template: 'password-reset', attempts: 1 });
  expect(JSON.stringify(item)).not.toContain('secret-link');
  expect(arrived).toEqual([]);
  expect(await attempt()).toBe('done');
  expect(arrived).toEqual([mail]);
  expect(await waiting()).toEqual([]);
});

it('tries again later, less and less often, and gives up after eight attempts', async () => {
  const { process, failWith, waiting, clock, arrived } = await createMailFixture();
  failWith(...Array.from({ length: 8 }, away));
  expect(await (await process().add({ mail, template: 'verification' }))()).toBe('waiting');
  for (const seconds of [10, 60, 300, 1_800, 10_800, 36_000, 72_000]) {
    clock.advance((seconds - 1) * 1_000);
    expect(await process().deliverDue()).toBe(true);
    expect(await waiting()).toHaveLength(1);
    clock.advance(1_000);
    await process().deliverDue();
  }
  expect(await waiting()).toEqual([]);
  expect(arrived).toEqual([]);
});

it('gives a mail up that the server refuses for good, and one that is of no use any more', async () => {
  const { process, failWith, waiting, clock, arrived } = await createMailFixture();
  failWith(new AppError('server_error', 'The mail server refused the mail.'));
  expect(await (await process().add({ mail, template: 'verification' }))()).toBe('done');
  expect(await waiting()).toEqual([]);
  failWith(away());
  await (await process().add({ mail, template: 'verification', usefulSeconds: 600 }))();
  clock.advance(601_000);
  expect(await process().deliverDue()).toBe(false);
  expect(await waiting()).toEqual([]);
  expect(arrived).toEqual([]);
});

it('is sent by another process when its own ended in the middle of an attempt', async () => {
  const { process, clock, arrived } = await createMailFixture();
  await process().add({ mail, template: 'verification' });
  expect(await process().deliverDue()).toBe(true);
  expect(arrived).toEqual([]);
  clock.advance(120_000);
  expect(await process().deliverDue()).toBe(false);
  expect(arrived).toEqual([mail]);
});

it('is sent once by several processes that look at the same time', async () => {
  const { process, failWith, clock, arrived } = await createMailFixture();
  failWith(away());
  await (await process().add({ mail, template: 'verification' }))();
  clock.advance(10_000);
  await Promise.all(Array.from({ length: 5 }, () => process().deliverDue()));
  expect(arrived).toEqual([mail]);
});

it('takes no mail whose address or subject would write headers', async () => {
  const { process, waiting } = await createMailFixture();
  for (const forged of [
    { ...mail, to: 'ada@example.com\r\nBcc: eve@example.com' },
    { ...mail, to: 'ada@example.com, eve@example.com' },
    { ...mail, subject: 'Hello\nBcc: eve@example.com' },
  ]) {
    await expect(process().add({ mail: forged, template: 'verification' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  }
  expect(await waiting()).toEqual([]);
});

it('lets nobody wait for the mail server, and looks after what it refused', async () => {
  const { process, failWith, clock, arrived } = await createMailFixture();
  const dispatch = createMailDispatch({ log: silentLog });
  const mailer = createTenantMailer({
    queue: process(),
    dispatch,
    render: async ({ to, variables }) => ({ to, subject: 'Hello', text: `Hello ${variables.name}` }),
  });
  failWith(away());
  await mailer.send({ to: 'ada@example.com', template: 'welcome', variables: { name: 'Ada' } });
  mailer.sendSoon({ to: 'bob@example.com', template: 'welcome', variables: { name: 'Bob' } });
  await dispatch.stop();
  expect(arrived).toHaveLength(1);
  await dispatch.deliverDue();
  expect(arrived).toHaveLength(1);
  clock.advance(10_000);
  await dispatch.deliverDue();
  expect(arrived.map(({ to }) => to).sort()).toEqual(['ada@example.com', 'bob@example.com']);
});
