import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  authorizationRequest,
  createTenantServer,
  password,
  redeem,
  refresh,
  signIn,
  type TenantServer,
  textOf,
} from '../interactions/tenant-server.ts';
import { mailsTo } from '../self-service/mail-links.ts';
import { testClock } from '../support/clock.ts';
import { createAreaPeople, formOf } from './area-people.ts';

let server: TenantServer;

beforeAll(async () => {
  server = await createTenantServer();
});

afterAll(() => server.close());

const { person, enter } = createAreaPeople(() => server);

describe('the password', () => {
  const next = 'Another horse 2!';
  const chosen = { present: password, password: next, confirmation: next };

  it('changes for whoever knows the present one, and ends the other sessions when asked to', async () => {
    await person('pw@example.com');
    const { agent, page } = await enter('pw@example.com', '/password');
    const elsewhere = (await enter('pw@example.com')).agent;
    const wrong = await agent.submit(formOf(page, '/change'), { ...chosen, present: 'Wrong horse 1!' });
    expect(wrong.status).toBe(422);
    expect((await agent.submit(page, { ...chosen, confirmation: 'else' })).status).toBe(422);
    expect(
      (await agent.submit(page, { present: password, password: 'short', confirmation: 'short' })).status,
    ).toBe(422);
    const done = await agent.submit(page, { ...chosen, others: 'yes' });
    expect(textOf(done)).toContain('Your password is changed.');
    expect((await agent.open('/acme/account')).url.pathname).toBe('/acme/account');
    expect((await elsewhere.open('/acme/account')).url.pathname).toContain('/interaction/');
    expect((await mailsTo(server, 'pw@example.com')).at(-1)?.text).toContain(
      'password of your account has been changed',
    );
  });
});

it('ends what other browsers gave applications, when asked to, and keeps what this one did', async () => {
  await person('apps@example.com');
  const offline = { scope: 'openid offline_access', prompt: 'login consent' };
  const arrive = async () => {
    const agent = server.userAgent();
    const { verifier, ...consent } = await signIn(agent, server.tenant, 'apps@example.com', offline);
    return { agent, tokens: await redeem(server.tenant, { ...(await agent.submit(consent)), verifier }) };
  };
  const [here, there] = [await arrive(), await arrive()];
  const next = (number: number) => ({
    password: `Another horse ${number}!`,
    confirmation: `Another horse ${number}!`,
  });
  const change = async (values: Record<string, string>, others: boolean) => {
    const page = await here.agent.open('/acme/account/password');
    if (!others) page.document.querySelector('#others')?.remove();
    expect(
      textOf(await here.agent.submit(page, { ...values, ...(others ? { others: 'yes' } : {}) })),
    ).toContain('is changed');
  };
  await change({ present: password, ...next(1) }, false);
  const kept = await refresh(server.tenant, there.tokens.refresh_token);
  expect(kept.status).toBe(200);
  await change({ present: 'Another horse 1!', ...next(2) }, true);
  expect((await refresh(server.tenant, kept.body.refresh_token)).status).toBe(400);
  expect((await refresh(server.tenant, here.tokens.refresh_token)).status).toBe(200);
});

describe('guesses at the present password', () => {
  const next = { password: 'Another horse 2!', confirmation: 'Another horse 2!' };

  it('are limited, which the owner is told, and those of strangers at sign-in are not counted with them', async () => {
    const limited = await createTenantServer({ freeFailures: 2, clock: testClock(Date.now()) });
    try {
      const owner = await person('guess@example.com', { at: limited.tenant });
      const agent = limited.userAgent();
      await agent.submit(await agent.open('/acme/account'), { email: 'guess@example.com', password });
      for (let count = 0; count < 12; count += 1) {
        const stranger = limited.userAgent({ 'X-Forwarded-For': `192.0.2.${count}` });
        const page = await stranger.open(authorizationRequest(limited.tenant).url);
        await stranger.submit(page, { email: 'guess@example.com', password: 'Wrong horse 1!' });
      }
      const told = async () =>
        (await mailsTo(limited, 'guess@example.com')).filter(({ text }) => text.includes('failed attempts'));
      expect(await told()).toHaveLength(1);
      // One a day: as if it were another.
      const { table } = limited.tenant;
      const { items } = await table.query({ pk: `AlertSent#${owner.id}` });
      for (const { pk, sk } of items) await table.delete({ pk, sk });
      const page = await agent.open('/acme/account/password');
      const wrong = { present: 'Wrong horse 1!', ...next };
      expect((await agent.submit(page, wrong)).status).toBe(422);
      expect((await agent.submit(page, wrong)).status).toBe(422);
      const waiting = await agent.submit(page, { present: password, ...next });
      expect(waiting.status).toBe(429);
      expect(waiting.headers.get('retry-after')).toMatch(/^\d+$/);
      expect(await told()).toHaveLength(2);
    } finally {
      await limited.close();
    }
  });

  it('by strangers at sign-in do not keep a signed-in owner from a new password', async () => {
    const limited = await createTenantServer({ freeFailures: 2, clock: testClock(Date.now()) });
    try {
      await person('calm@example.com', { at: limited.tenant });
      const agent = limited.userAgent();
      await agent.submit(await agent.open('/acme/account'), { email: 'calm@example.com', password });
      for (let count = 0; count < 4; count += 1) {
        const stranger = limited.userAgent();
        const page = await stranger.open(authorizationRequest(limited.tenant).url);
        await stranger.submit(page, { email: 'calm@example.com', password: 'Wrong horse 1!' });
      }
      const page = await agent.open('/acme/account/password');
      expect(textOf(await agent.submit(page, { present: password, ...next }))).toContain('is changed');
    } finally {
      await limited.close();
    }
  });
});
