import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../../support/fault-proxy.ts';
import { testServerEnv } from '../../support/services.ts';
import { type Flow, flows, type Outcome } from './flows.ts';
import { concerns, faults, type ProxiedServer, startProxiedServer } from './proxied-server.ts';
import { prepareSubject, type Subject } from './subject.ts';

const ofKms = new Set(['Sign', 'Decrypt']);
const reads = new Set(['GetItem', 'Query']);

let proxied: ProxiedServer;
/**
 * The flows of one tenant under one fault; all tenants are tried at the same time. Flows under faults that take time are shared by several.
 */
const trials = faults.flatMap((fault) => {
  const shares = fault.kind === 'throttle' || fault.kind === 'delay' ? 4 : 1;
  return Array.from({ length: shares }, (_, share) => ({
    fault,
    slug: `with-${fault.kind}-${share + 1}`,
    names: Object.keys(flows).filter((_name, index) => index % shares === share),
  }));
});
const subjects = new Map<string, Subject>();

beforeAll(async () => {
  proxied = await startProxiedServer();
  for (const { slug } of trials) {
    subjects.set(slug, await prepareSubject(proxied.server, slug));
  }
}, 900_000);
afterAll(() => proxied.close());

const rows: string[] = [];
afterAll(() => {
  const heading = ['fault', 'flow', 'once', 'all the while', 'afterwards'];
  process.stdout.write(
    `\n  Faults between the server and AWS, keys in mode ${testServerEnv().KEYS}\n${row(heading)}${rows.sort().join('')}\n`,
  );
});

function row([fault = '', flow = '', once = '', always = '', after = '']: string[]): string {
  return `  ${fault.padEnd(13)} ${flow.padEnd(27)} ${once.padEnd(52)} ${always.padEnd(70)} ${after}\n`;
}

/**
 * The operations that concern the tenant while the flow is taken, in order, each once. Some may be of what the server does beside it, such as
 * mails of an earlier sign-in: they are not met again when the flow is struck.
 */
async function operationsOf(flow: Flow, subject: Subject): Promise<string[]> {
  const step = await flow(subject);
  const from = proxied.proxy.seen.length;
  expect(await step.run()).toMatchObject({ succeeded: true, error: undefined });
  const seen = proxied.proxy.seen.slice(from).filter(concerns(subject));
  await step.verify();
  return [...new Set(seen.map(({ operation }) => operation))];
}

/** Strikes the first request of the operation. The flow must not notice. `undefined` when the operation is none of the flow's. */
async function strikeOnce(
  fault: Fault,
  flow: Flow,
  subject: Subject,
  operation: string,
): Promise<string | undefined> {
  const step = await flow(subject);
  const isOfTenant = concerns(subject);
  const rule = proxied.proxy.inject({
    fault,
    times: 1,
    when: (request) => request.operation === operation && isOfTenant(request),
  });
  const outcome = await step.run();
  rule.stop();
  expect(outcome).toMatchObject({ succeeded: true, error: undefined });
  await step.verify();
  return rule.struck() === 1 ? `${operation} ${outcome.status}` : undefined;
}

/** Strikes every request of the operations. Then the fault goes away, and the very same step succeeds. `undefined` as above. */
async function strikeAlways(
  fault: Fault,
  flow: Flow,
  subject: Subject,
  name: string,
  operations: readonly string[],
): Promise<{ during: string; after: string } | undefined> {
  const step = await flow(subject);
  const isOfTenant = concerns(subject);
  const rule = proxied.proxy.inject({
    fault,
    when: (request) => operations.includes(request.operation) && isOfTenant(request),
  });
  const startedAt = performance.now();
  const during = await step.run();
  const tookMs = performance.now() - startedAt;
  rule.stop();
  const said = `${name} ${during.status} (${Math.round(tookMs)} ms)`;
  if (!during.succeeded) {
    expectUnavailable(during, said);
  }
  const after = during.succeeded ? during : await step.run();
  expect(after, `after ${said}`).toMatchObject({ succeeded: true, error: undefined });
  await step.verify();
  await step.verifySpent?.();
  return rule.struck() === 0
    ? undefined
    : { during: said, after: during.succeeded ? 'no need' : String(after.status) };
}

/** In words that clients understand: 503 with Retry-After, or the same by a redirect (RFC 6749, 4.1.2.1). */
function expectUnavailable({ status, error, retryAfter }: Outcome, said: string): void {
  if (status === 303) {
    expect(error, said).toBe('temporarily_unavailable');
  } else {
    expect(status, said).toBe(503);
    expect(retryAfter, said).toMatch(/^\d+$/);
    expect([undefined, 'temporarily_unavailable'], said).toContain(error);
  }
}

describe.concurrent.each(trials)('$slug', ({ fault, slug, names }) => {
  it('disturbs no flow once, and after a while of it every flow succeeds', { timeout: 900_000 }, async () => {
    const subject = subjects.get(slug) as Subject;
    for (const name of names) {
      const flow = flows[name] as Flow;
      const operations = await operationsOf(flow, subject);
      const last = operations.findLast((operation) => !reads.has(operation) && !ofKms.has(operation));
      const slow = fault.kind === 'delay';
      const once: string[] = [];
      // A delay costs what it says: it strikes only what matters most.
      for (const operation of operations.filter((each) => !slow || each === last || ofKms.has(each))) {
        once.push((await strikeOnce(fault, flow, subject, operation)) ?? '');
      }
      const always: string[] = [];
      const after: string[] = [];
      const changing = operations.filter((operation) => !reads.has(operation));
      const ofTable = changing.filter((operation) => !ofKms.has(operation));
      const together = slow ? (['writes', ofTable] as const) : (['all', operations] as const);
      const inTurn = changing
        .filter((operation) => !slow || ofKms.has(operation))
        .map((operation) => [operation, [operation]] as const);
      for (const [what, struck] of [together, ...inTurn].filter(([, struck]) => struck.length > 0)) {
        const outcome = await strikeAlways(fault, flow, subject, what, struck);
        always.push(outcome?.during ?? '');
        after.push(outcome?.after ?? '');
      }
      // A flow that reads nothing is none, so something was struck.
      if (!slow) expect([name, once.join(''), always[0]]).not.toContain('');
      const cells = [once, always, after].map((each) => each.filter((text) => text !== '').join(', '));
      rows.push(row([fault.kind, name, ...cells]));
    }
  });
});
