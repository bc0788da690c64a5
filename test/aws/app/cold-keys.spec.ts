import { afterAll, beforeAll, expect, it } from 'vitest';
import { basic } from '../../support/onboarding.ts';
import { sendTo } from '../../support/send-to.ts';
import { testServerEnv } from '../../support/services.ts';
import { concerns, faults, type ProxiedServer, startProxiedServer } from './proxied-server.ts';
import { jwtResource, prepareSubject, type Subject } from './subject.ts';

let first: ProxiedServer;
let subject: Subject;

beforeAll(async () => {
  first = await startProxiedServer();
  subject = await prepareSubject(first.server, 'acme');
});
afterAll(() => first.close());

/** Another process of the deployment, which has opened no key yet. */
async function inColdProcess(work: (cold: ProxiedServer) => Promise<void>): Promise<void> {
  const cold = await startProxiedServer({ beside: first.server, env: { MODE: 'serve' } });
  try {
    await work(cold);
  } finally {
    await cold.close();
  }
}

async function signedToken({ server }: ProxiedServer): Promise<Response> {
  const { issuer, robot } = subject;
  return sendTo(server, `${issuer}/token`, {
    method: 'POST',
    headers: { authorization: basic(robot.id, robot.secret) },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      resource: jwtResource,
      scope: 'orders:read',
    }),
  });
}

/** Strikes what opens the subject's key. */
function strike({ proxy }: ProxiedServer, fault: (typeof faults)[number], times?: number) {
  const isOfSubject = concerns(subject);
  return proxy.inject({
    fault,
    when: (request) => request.operation === 'Decrypt' && isOfSubject(request),
    ...(times === undefined ? {} : { times }),
  });
}

if (testServerEnv().KEYS === 'kms-envelope') {
  it.each(faults)('a key is opened in spite of one fault ($kind)', async (fault) => {
    await inColdProcess(async (cold) => {
      const once = strike(cold, fault, 1);
      expect((await signedToken(cold)).status).toBe(200);
      expect(once.struck()).toBe(1);
    });
  });

  it.each(faults)(
    'while a key cannot be opened ($kind) the answer is 503, afterwards it signs',
    async (fault) => {
      await inColdProcess(async (cold) => {
        const lasting = strike(cold, fault);
        const during = await signedToken(cold);
        expect(during.status).toBe(503);
        expect(during.headers.get('retry-after')).toMatch(/^\d+$/);
        expect(await during.json()).toMatchObject({ error: 'temporarily_unavailable' });
        expect(lasting.struck()).toBeGreaterThan(0);
        lasting.stop();
        expect((await signedToken(cold)).status).toBe(200);
      });
    },
  );
} else {
  it('a key that stays in KMS is not opened', async () => {
    await inColdProcess(async (cold) => {
      expect((await signedToken(cold)).status).toBe(200);
      const ofSubject = cold.proxy.seen.filter(concerns(subject)).map(({ operation }) => operation);
      expect(ofSubject).toContain('Sign');
      expect(ofSubject).not.toContain('Decrypt');
    });
  });
}
