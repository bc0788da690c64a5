import { expect, it } from 'vitest';
import { createKnownDevices } from '../../src/identity/known-devices.ts';
import type { AccountId } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { testClock } from '../support/clock.ts';

const clock = testClock();
const ada = { id: 'acc_ada' as AccountId, applicationTenantId: 'default', email: 'ada@example.com' };
const bob = { id: 'acc_bob' as AccountId, applicationTenantId: 'default', email: 'bob@example.com' };

function devices({ path = '/acme', cookieKeys = ['key-1'], secure = true } = {}) {
  return createKnownDevices({ path, secure, cookieKeys, clock, random: systemRandom });
}

/** A browser that sends back what it was given. */
function browser(cookie = '') {
  let sent = cookie;
  let header = '';
  return {
    get: (name: string) => (name.toLowerCase() === 'cookie' ? `other=1; ${sent}` : ''),
    append(_name: string, value: string | string[]) {
      header = String(value);
      sent = header.split(';')[0] ?? '';
    },
    cookie: () => sent,
    header: () => header,
  };
}

it('knows a browser again by account and by address, and only for whom it was remembered', () => {
  const context = browser();
  expect(devices().read(context).idForAccount(ada.id)).toBeUndefined();
  devices().remember(context, ada);
  const device = devices().read(context);
  expect(device.idForAccount(ada.id)).toMatch(/^[\w-]{22}$/);
  expect(device.idForAddress('default', ' ADA@example.com ')).toBe(device.idForAccount(ada.id));
  expect(device.idForAddress('apt_2', ada.email)).toBeUndefined();
  expect(device.idForAccount(bob.id)).toBeUndefined();
  devices().remember(context, bob);
  expect(devices().read(context).idForAccount(bob.id)).toBe(device.idForAccount(ada.id));
  expect(devices().read(context).idForAccount(ada.id)).toBe(device.idForAccount(ada.id));
});

it('is sent to its tenant alone, over TLS, and never to scripts', () => {
  const context = browser();
  devices().remember(context, ada);
  expect(context.header()).toMatch(/; Path=\/acme; Max-Age=15552000; HttpOnly; SameSite=Lax; Secure$/);
  const plain = browser();
  devices({ secure: false }).remember(plain, ada);
  expect(plain.header()).not.toContain('Secure');
});

it('says nothing about the accounts in it', () => {
  const context = browser();
  devices().remember(context, ada);
  const payload = context.cookie().split(/[=.]/)[1] ?? '';
  const text = Buffer.from(payload, 'base64url').toString();
  expect(text).toContain('marks');
  expect(text).not.toMatch(/ada|example|acc_/);
});

it('is worth nothing when changed, of another tenant, or too old', () => {
  const context = browser();
  devices().remember(context, ada);
  const [name = '', payload = '', signature = ''] = context.cookie().split(/[=.]/);
  const forged = Buffer.from(payload, 'base64url').toString().replace('"until":1', '"until":2');
  for (const cookie of [
    `${name}=${Buffer.from(forged).toString('base64url')}.${signature}`,
    `${name}=${payload}.${'A'.repeat(43)}`,
    `${name}=${payload}`,
    `${name}=e30.${signature}`,
  ]) {
    expect(devices().read(browser(cookie)).idForAccount(ada.id)).toBeUndefined();
  }
  expect(devices({ path: '/other' }).read(context).idForAccount(ada.id)).toBeUndefined();
  expect(
    devices({ cookieKeys: ['key-2'] })
      .read(context)
      .idForAccount(ada.id),
  ).toBeUndefined();
  expect(
    devices({ cookieKeys: ['key-2', 'key-1'] })
      .read(context)
      .idForAccount(ada.id),
  ).toBeDefined();
  clock.advance(180 * 86_400_000);
  expect(devices().read(context).idForAccount(ada.id)).toBeUndefined();
});

it('keeps the latest few accounts', () => {
  const context = browser();
  const people = Array.from({ length: 7 }, (_, index) => ({
    ...ada,
    id: `acc_${index}` as AccountId,
    email: `p${index}@example.com`,
  }));
  for (const person of people) devices().remember(context, person);
  const known = people.map(({ id }) => devices().read(context).idForAccount(id) !== undefined);
  expect(known).toEqual([false, false, true, true, true, true, true]);
  expect(context.cookie().length).toBeLessThan(600);
});
