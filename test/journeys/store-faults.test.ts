import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Flow, flows } from '../aws/app/flows.ts';
import { concerns, type ProxiedServer, startProxiedServer } from '../aws/app/proxied-server.ts';
import { prepareSubject, type Subject } from '../aws/app/subject.ts';

let proxied: ProxiedServer;
let subject: Subject;

beforeAll(async () => {
  proxied = await startProxiedServer();
  subject = await prepareSubject(proxied.server, 'acme');
});
afterAll(() => proxied.close());

/** The step while every request of this operation fails so, and once more when that is over. */
async function takeTwice(
  flow: Flow,
  operation: string,
  kind: 'reset' | 'lost-reply',
): Promise<{ during: number; after: number | undefined }> {
  const step = await flow(subject);
  const isOfTenant = concerns(subject);
  const rule = proxied.proxy.inject({
    fault: { kind },
    when: (request) => request.operation === operation && isOfTenant(request),
  });
  const during = await step.run();
  rule.stop();
  expect(rule.struck()).toBeGreaterThan(0);
  const after = during.succeeded ? undefined : await step.run();
  expect(after ?? during).toMatchObject({ succeeded: true, error: undefined });
  await step.verify();
  return { during: during.status, after: after?.status };
}

it.each([
  // What the sign-in leads to cannot be stored: the same page, sent again, leads there.
  ['login', 'PutItem', 'reset', { during: 503, after: 200 }],
  ['consent', 'PutItem', 'lost-reply', { during: 503, after: 303 }],
  ['silent sign-in', 'PutItem', 'reset', { during: 503, after: 303 }],
  // What is left behind may be left behind.
  ['login', 'DeleteItem', 'reset', { during: 200 }],
  ['consent', 'DeleteItem', 'lost-reply', { during: 303 }],
  // The code is consumed last; whether it was is looked up.
  ['code exchange', 'BatchWriteItem', 'reset', { during: 503, after: 200 }],
  ['code exchange', 'UpdateItem', 'reset', { during: 503, after: 200 }],
  ['code exchange', 'UpdateItem', 'lost-reply', { during: 200 }],
  ['refresh', 'UpdateItem', 'lost-reply', { during: 200 }],
  ['refresh', 'GetItem', 'reset', { during: 503, after: 200 }],
] as const)('%s goes on where it was, although every %s ends in %s for a while', async (...row) => {
  const [name, operation, kind, outcome] = row;
  expect(await takeTwice(flows[name] as Flow, operation, kind)).toEqual(outcome);
});
