import { DisableKeyCommand, EnableKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testClock } from '../../support/clock.ts';
import { testDynamodb, testServerEnv } from '../../support/services.ts';
import { listDeployedKeys } from '../deployed-keys.ts';
import { post } from './oauth.ts';
import { concerns, type ProxiedServer, startProxiedServer } from './proxied-server.ts';
import { jwtResource, prepareSubject, type Subject } from './subject.ts';

const clock = testClock(Date.now());
const kms = new KMSClient({ ...testDynamodb() });
const requests = 20;
let proxied: ProxiedServer;
let sick: Subject;
let well: Subject;

beforeAll(async () => {
  proxied = await startProxiedServer({ overrides: { clock } });
  sick = await prepareSubject(proxied.server, 'sick');
  well = await prepareSubject(proxied.server, 'well');
});
afterAll(async () => {
  await proxied.close();
  kms.destroy();
});

async function signedToken(subject: Subject): Promise<number> {
  const form = { grant_type: 'client_credentials', resource: jwtResource, scope: 'orders:read' };
  return (await post(subject, '/token', subject.robot, form)).status;
}

/** Exchanges of `well`, each beside one of the other tenant's; how many signatures they cost. */
async function exchangesOfWell(beside: () => Promise<unknown>): Promise<number> {
  const from = signaturesAskedFor(well);
  for (let count = 0; count < requests; count += 1) {
    const neighbour = beside();
    expect(await signedToken(well)).toBe(200);
    await neighbour;
  }
  return signaturesAskedFor(well) - from;
}

async function keyOf({ id }: Subject): Promise<string> {
  const keys = await listDeployedKeys(kms, proxied.server.stores.tablePrefix);
  return keys.find(({ tags }) => tags['tenantry:tenant'] === id)?.KeyId ?? '';
}

function signaturesAskedFor(subject: Subject): number {
  const isOf = concerns(subject);
  return proxied.proxy.seen.filter((request) => request.operation === 'Sign' && isOf(request)).length;
}

if (testServerEnv().KEYS === 'kms') {
  it("one tenant's disabled KMS key leaves the others alone, and is used again once it is enabled", async () => {
    expect(await exchangesOfWell(() => signedToken(sick))).toBe(requests);

    await kms.send(new DisableKeyCommand({ KeyId: await keyOf(sick) }));
    const from = signaturesAskedFor(sick);
    const refusals: number[] = [];
    // One each, as before: nothing of the other tenant's is refused, or tried twice.
    expect(await exchangesOfWell(async () => refusals.push(await signedToken(sick)))).toBe(requests);
    expect(refusals).toEqual(Array(requests).fill(503));
    // The circuit opens at the first refusal; the others cost no call.
    expect(signaturesAskedFor(sick) - from).toBe(1);

    await kms.send(new EnableKeyCommand({ KeyId: await keyOf(sick) }));
    expect(await signedToken(sick)).toBe(503);
    clock.advance(5_000);
    expect(await signedToken(sick)).toBe(200);
  });

  it('a KMS key that hangs holds up nobody else', async () => {
    const isOfSick = concerns(sick);
    const hanging = proxied.proxy.inject({
      fault: { kind: 'hang' },
      when: (request) => request.operation === 'Sign' && isOfSick(request),
    });
    // One failure less than opens the circuit.
    for (let round = 0; round < 4; round += 1) {
      const struck = hanging.struck();
      const held = signedToken(sick);
      await expect.poll(hanging.struck, { timeout: 30_000 }).toBeGreaterThan(struck);
      // The held one takes three attempts of a second each, one after the other, however slow the machine is.
      for (let count = 0; count < 3; count += 1) {
        const first = await Promise.race([
          signedToken(well),
          held.then((status) => `the one that hangs: ${status}`),
        ]);
        expect(first).toBe(200);
      }
      expect(await held).toBe(503);
    }
    hanging.stop();
    expect(await signedToken(sick)).toBe(200);
  });
} else {
  it('keys that are open go on signing when their wrapping key is disabled', async () => {
    expect(await signedToken(sick)).toBe(200);
    await kms.send(new DisableKeyCommand({ KeyId: await keyOf(sick) }));
    expect(await signedToken(sick)).toBe(200);
    expect(signaturesAskedFor(sick)).toBe(0);
  });
}
