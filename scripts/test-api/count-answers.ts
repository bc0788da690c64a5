import { readFile } from 'node:fs/promises';
import type { Operation } from './operations.ts';

/** Operations that nothing made from the schemas alone may get done, and why. */
const needNotBeDone: Readonly<Record<string, string>> = {
  createInvitation: 'by then somebody has the address of the example',
  createResource: 'what the members say has to fit together',
  createSignInSource: 'what the members say has to fit together',
  createUser: 'by then somebody has the address of the example',
  decideComplianceReview: 'the token has ordered the tenant',
  decideValidation: 'the gate decides by itself',
  redeliver: 'the message waits for its next attempt',
  redeliverTenantDelivery: 'the message waits for its next attempt',
  reissueReceipt: 'the key that signed the receipt is there',
  retryProvisioning: 'no run has stopped',
  rollbackProvisioning: 'no run has stopped',
  scimChangeGroup: 'the document does not say what RFC 7644 does',
  scimChangeUser: 'the document does not say what RFC 7644 does',
  scimCreateGroup: 'the document does not say what RFC 7644 does',
  scimCreateUser: 'the document does not say what RFC 7644 does',
  scimReplaceGroup: 'the document does not say what RFC 7644 does',
  scimReplaceUser: 'the document does not say what RFC 7644 does',
  setLogo: 'a picture is not made up',
  verifyApplicationDomain: 'no name server proves the domain',
};

/** What of the document was not really tried, in words; `calls` has a line `METHOD path status` for each answer. */
export async function findUntried(operations: readonly Operation[], calls: string): Promise<string[]> {
  const answers = new Map<string, number[]>();
  for (const line of (await readFile(calls, 'utf8')).split('\n').filter((text) => text !== '')) {
    const [method, path, status] = line.split(' ');
    const name = `${method} ${path}`;
    answers.set(name, [...(answers.get(name) ?? []), Number(status)]);
  }
  return operations.flatMap(({ id, method, path }) => {
    const statuses = answers.get(`${method} ${path}`) ?? [];
    if (statuses.length === 0) {
      return [`${id} was not called`];
    }
    if (!(id in needNotBeDone) && !statuses.some((status) => status < 300)) {
      return [`${id} was never done: ${[...new Set(statuses)].join(', ')}`];
    }
    return [];
  });
}
