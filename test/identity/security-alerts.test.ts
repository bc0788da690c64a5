import { expect, it } from 'vitest';
import type { Happening } from '../../src/identity/activity-log.ts';
import { createMailDispatch } from '../../src/identity/mail-dispatch.ts';
import { createSecurityAlerts } from '../../src/identity/security-alerts.ts';
import type { TenantMail } from '../../src/identity/tenant-mailer.ts';
import type { AccountId } from '../../src/kernel/ids.ts';
import { describeUserAgent } from '../../src/web/user-agent.ts';
import { testClock } from '../support/clock.ts';
import { silentLog } from '../support/services.ts';
import { createTenantTable } from './identity-table.ts';

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const account = {
  id: 'acc_ada' as AccountId,
  applicationTenantId: 'default',
  email: 'ada@example.com',
  name: 'Ada',
};

async function createAlerts({ failing = false } = {}) {
  const { table } = await createTenantTable();
  const clock = testClock();
  const sent: TenantMail[] = [];
  const dispatch = createMailDispatch({ log: silentLog });
  const mailer = {
    async send(mail: TenantMail) {
      if (failing) throw new Error('no store');
      sent.push(mail);
    },
    sendSoon: () => {},
  };
  const noted: Happening[] = [];
  const activity = { note: (happening: Happening) => void noted.push(happening) };
  const alerts = createSecurityAlerts({ table, mailer, dispatch, activity, clock });
  return { alerts, dispatch, sent, noted, clock };
}

it('tells what happened, when, from where and on what', async () => {
  const { alerts, dispatch, sent, noted } = await createAlerts();
  alerts.raise({ kind: 'new-device', account, clientIp: '192.0.2.7', userAgent: firefox, locale: 'de' });
  alerts.raise({ kind: 'email-changed', account, to: 'former@example.com' });
  await dispatch.stop();
  expect(sent[0]).toEqual({
    to: 'ada@example.com',
    template: 'security-alert',
    locale: 'de',
    variables: {
      alert: 'new-device',
      name: 'Ada',
      email: 'ada@example.com',
      time: '2026-01-01T00:00:00.000Z',
      address: '192.0.2.7',
      device: 'Firefox on Linux',
      factor: '',
    },
  });
  expect(sent[1]).toMatchObject({ to: 'former@example.com', variables: { alert: 'email-changed' } });
  expect(noted).toEqual([{ kind: 'email-changed', account }]);
});

it('tells of a lockout once a day, of other things each time', async () => {
  const { alerts, dispatch, sent, clock } = await createAlerts();
  for (let count = 0; count < 3; count += 1) {
    alerts.raise({ kind: 'lockout', account });
    alerts.raise({ kind: 'password-changed', account });
  }
  await dispatch.stop();
  const kinds = () => sent.map(({ variables }) => variables.alert).sort();
  expect(kinds()).toEqual(['lockout', ...Array(3).fill('password-changed')]);
  clock.advance(86_400_000);
  alerts.raise({ kind: 'lockout', account });
  await dispatch.stop();
  expect(kinds().filter((kind) => kind === 'lockout')).toHaveLength(2);
});

it('does not fail what it tells of', async () => {
  const { alerts, dispatch } = await createAlerts({ failing: true });
  expect(() => alerts.raise({ kind: 'factor-removed', account, factor: 'totp' })).not.toThrow();
  await dispatch.stop();
});

it.each([
  [firefox, 'Firefox on Linux'],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0',
    'Edge on Windows',
  ],
  [
    'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36',
    'Chrome on Android',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
    'Safari on iPhone',
  ],
  ['<script>alert(1)</script>', ''],
  ['curl/8.0 Linux', 'Linux'],
  [undefined, ''],
])('describes %s as %s', (userAgent, text) => {
  expect(describeUserAgent(userAgent)).toBe(text);
});
