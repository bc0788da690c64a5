import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BootstrapFile } from '../../src/bootstrap-file.ts';
import { eventually } from '../support/server-process.ts';
import { createUserAgent, type UserAgent } from '../support/user-agent.ts';
import { basic, call, type JsonAnswer, keyIds, machineToken, register, untilActive } from './server-calls.ts';
import { openTwoServers, serverNames, type TwoServers } from './two-servers.ts';

const redirectUri = 'https://client.example/callback';
const password = 'Correct-Horse-7-Battery';

let pair: TwoServers;
let bootstrap: BootstrapFile;

beforeAll(async () => {
  pair = await openTwoServers({ VALIDATION: 'automatic', COMPLIANCE: 'automatic' });
  await pair.startBoth();
  bootstrap = (await pair.bootstrapFiles())[0] as BootstrapFile;
}, 180_000);
afterAll(() => pair.close());

describe('two servers started at the same moment on nothing', () => {
  it('make one platform tenant', async () => {
    const { rows } = await pair.postgres.query(
      `select (select array_agg(slug) from tenants) as tenants,
              (select array_agg(status) from orders) as orders,
              (select array_agg(state) from provisioning_runs) as runs`,
    );
    expect(rows).toEqual([{ tenants: ['platform'], orders: ['Approved'], runs: ['succeeded'] }]);
    expect(await keyIds(pair.origin, 'platform')).toHaveLength(1);
  });

  it('write one way in, which both accept', async () => {
    expect(await pair.bootstrapFiles()).toHaveLength(1);
    const before = new Map(pair.front.counts);
    const tokens = await Promise.all([machineToken(bootstrap), machineToken(bootstrap)]);
    for (const token of tokens) {
      const answers = await Promise.all(
        serverNames.map(() => call(`${bootstrap.adminApi}/tenants`, { token })),
      );
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    }
    for (const name of serverNames) {
      const { listensAt } = pair.server(name);
      expect(pair.front.counts.get(listensAt)).toBe((before.get(listensAt) ?? 0) + 3);
    }
  });
});

describe('one tenant on two servers', () => {
  let client: { clientId: string; clientSecret: string };
  let agent: UserAgent;
  const issuer = () => `${pair.origin}/acme`;

  beforeAll(async () => {
    const order = await register(pair.origin, 'acme');
    const token = await machineToken(bootstrap);
    await eventually(
      'the order is taken up',
      60,
      async () => (await call(order.statusUrl)).body.status === 'In-Process',
    );
    const decision = await call(`${order.statusUrl}/approve`, { json: {}, token });
    expect(decision.status).toBe(200);
    const { firstClientId } = await untilActive(order);
    const invitation = (await pair.mails()).find(({ text }) => text.includes('/acme/invitation/'));
    const link = /http\S+\/invitation\/\S+/.exec(invitation?.text ?? '')?.[0] ?? '';
    agent = createUserAgent(pair.origin, { stopAt: (url) => url.href.startsWith(redirectUri) });
    // A tenant that one server has just activated may be unknown to the other for as long as it remembers that it was.
    const page = await eventually('the invitation is known to both', 60, async () => {
      const pages = [await agent.open(link), await agent.open(link)];
      return pages.every(({ status }) => status === 200) && pages[0];
    });
    const accepted = await agent.submit(page, { password, confirmation: password });
    const clientSecret = accepted.document.querySelector('code.secret')?.textContent.trim() ?? '';
    client = { clientId: firstClientId, clientSecret };
  }, 180_000);

  async function obtainCode(): Promise<Record<string, string>> {
    const verifier = randomBytes(32).toString('base64url');
    const url = new URL(`${issuer()}/auth`);
    url.search = new URLSearchParams({
      client_id: client.clientId,
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'openid offline_access',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    }).toString();
    let page = await agent.open(url);
    while (!page.url.href.startsWith(redirectUri)) {
      const asksForPassword = page.document.querySelector('input[type="password"]') !== null;
      page = await agent.submit(page, asksForPassword ? { email: 'ada@acme.example', password } : {});
    }
    const code = page.url.searchParams.get('code') ?? '';
    return { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri };
  }

  const redeem = (form: Record<string, string>): Promise<JsonAnswer> =>
    call(`${issuer()}/token`, { form, headers: basic(client.clientId, client.clientSecret) });
  const refreshing = (tokens: JsonAnswer['body']) => ({
    grant_type: 'refresh_token',
    refresh_token: tokens.refresh_token as string,
  });
  const userinfo = ({ access_token }: JsonAnswer['body']) => call(`${issuer()}/me`, { token: access_token });

  /** Tries again what could not be answered in time, as clients do: a machine that stands still is no verdict. */
  async function untilAnswered(form: Record<string, string>): Promise<JsonAnswer> {
    const answer = await redeem(form);
    return answer.status === 503 ? untilAnswered(form) : answer;
  }

  /** The answers to 20 requests at once, ten to each server at least. */
  async function race(form: Record<string, string>): Promise<JsonAnswer[]> {
    const before = new Map(pair.front.counts);
    const answers = await Promise.all(Array.from({ length: 20 }, () => untilAnswered(form)));
    for (const [target, count] of pair.front.counts) {
      expect(count - (before.get(target) ?? 0)).toBeGreaterThanOrEqual(10);
    }
    return answers;
  }

  function expectOneWinner(answers: readonly JsonAnswer[]): JsonAnswer['body'] {
    const winners = answers.filter(({ status }) => status === 200);
    const losers = answers.filter(({ status }) => status !== 200);
    expect(losers.map(({ status, body }) => `${status} ${body.error}`)).toEqual(
      Array(19).fill('400 invalid_grant'),
    );
    expect(winners).toHaveLength(1);
    return winners[0]?.body;
  }

  const refused = expect.objectContaining({
    status: 400,
    body: expect.objectContaining({ error: 'invalid_grant' }),
  });

  it.each([1, 2, 3])(
    'redeems a code once of 20 times at once, and a replay revokes all (round %i)',
    async () => {
      const form = await obtainCode();
      const winner = expectOneWinner(await race(form));

      expect(await redeem(form)).toEqual(refused);
      expect(await redeem(refreshing(winner))).toEqual(refused);
      expect((await userinfo(winner)).status).toBe(401);
    },
  );

  it.each([1, 2, 3])(
    'rotates a refresh token once of 20 times at once, and a replay revokes all (round %i)',
    async () => {
      const first = await untilAnswered(await obtainCode());
      expect(first.status).toBe(200);
      const winner = expectOneWinner(await race(refreshing(first.body)));

      expect(await redeem(refreshing(first.body))).toEqual(refused);
      expect(await redeem(refreshing(winner))).toEqual(refused);
      expect((await userinfo(winner)).status).toBe(401);
    },
  );

  it('rotates in turn on both, until an old token comes again', async () => {
    const family = [(await untilAnswered(await obtainCode())).body];
    for (let generation = 1; generation <= 4; generation += 1) {
      const next = await untilAnswered(refreshing(family.at(-1)));
      expect(next.status).toBe(200);
      family.push(next.body);
    }
    expect((await userinfo(family.at(-1))).status).toBe(200);

    expect(await redeem(refreshing(family[1]))).toEqual(refused);
    for (const member of family) {
      expect(await redeem(refreshing(member))).toEqual(refused);
      expect((await userinfo(member)).status).toBe(401);
    }
  });
});

describe('a server killed while it builds a tenant', () => {
  it('is followed by the other one, which makes the tenant active, once', { timeout: 240_000 }, async () => {
    const order = await register(pair.origin, 'orphaned');
    const token = await machineToken(bootstrap);
    await eventually(
      'the order is taken up',
      60,
      async () => (await call(order.statusUrl)).body.status === 'In-Process',
    );
    const { crashed } = await pair.crashOneAt('tenant-table/after-act');
    expect((await call(`${order.statusUrl}/approve`, { json: {}, token })).status).toBe(200);
    await crashed;

    const { provisioning } = await untilActive(order);
    expect(provisioning.steps.filter(({ status }: { status: string }) => status !== 'done')).toEqual([]);
    const discovery = await call(`${pair.origin}/orphaned/.well-known/openid-configuration`);
    expect(discovery.status).toBe(200);
    expect(await keyIds(pair.origin, 'orphaned')).toHaveLength(1);
    const invitations = (await pair.mails()).filter(({ text }) => text.includes('/orphaned/invitation/'));
    expect(invitations.map(({ to }) => to)).toEqual(['ada@orphaned.example']);
    const { rows } = await pair.postgres.query(
      `select count(*)::integer as activated from audit_events join tenants on tenants.id = tenant_id
        where slug = 'orphaned' and event = 'tenant.activated'`,
    );
    expect(rows).toEqual([{ activated: 1 }]);
  });
});
