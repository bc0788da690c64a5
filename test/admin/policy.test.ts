import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAudit } from '../../src/audit/list-audit.ts';
import { policyDocument } from '../../src/identity/policy-document.ts';
import { applySecurityPolicyInput, defaultSecurityPolicy } from '../../src/identity/security-policy.ts';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let admin: string;
beforeAll(async () => {
  api = await createApi();
  admin = await api.robot('acme', ['policy:read', 'policy:write']);
});
afterAll(() => api.close());

const path = '/api/tenants/acme/policy';
const patch = (change: object, ifMatch = '*', token = admin) =>
  api.http.patch(path).auth(token, { type: 'bearer' }).set('If-Match', ifMatch).send(change);

describe('the security policy', () => {
  it('is the default with every value until it is changed, as it was seen', async () => {
    const { body, headers } = await api.get(path, admin).expect(200);
    expect(body).toEqual(policyDocument(defaultSecurityPolicy));
    expect(applySecurityPolicyInput(body)).toEqual(defaultSecurityPolicy);

    const version = (await api.recordOf('acme')).configVersion;
    const changed = await patch({ passwordPolicy: { minLength: 20 }, sessionTimeout: 600 }, headers.etag);
    expect(changed.status).toBe(200);
    expect(changed.body).toEqual({
      ...body,
      passwordPolicy: { ...body.passwordPolicy, minLength: 20 },
      sessionTimeout: 600,
    });
    expect((await api.recordOf('acme')).configVersion).toBe(version + 1);
    await patch({ sessionTimeout: 700 }, headers.etag).expect(412);
    await api.http.patch(path).auth(admin, { type: 'bearer' }).send({ sessionTimeout: 700 }).expect(428);

    const { events } = await listAudit(api.postgres, { limit: 1 });
    expect(events[0]).toMatchObject({
      event: 'policy.changed',
      details: { before: { sessionTimeout: 3600 }, after: { sessionTimeout: 600 } },
    });
    const back = await patch({ passwordPolicy: null, sessionTimeout: null });
    expect(back.body).toEqual(body);
  });

  it.each([
    [{ passwordPolicy: { minLength: 9 } }, 'passwordPolicy.minLength'],
    [{ passwordPolicy: { requireNumbers: false, requireSpecialChars: false } }, 'passwordPolicy'],
    [{ sessionTimeout: 86_401, absoluteSessionTimeout: 86_401 }, 'sessionTimeout'],
    [{ ipRestrictions: ['nowhere'] }, 'ipRestrictions.0'],
    [{ surprise: true }, 'surprise'],
    [{ twoFactor: 'perhaps' }, 'twoFactor'],
  ])('refuses %j', async (change, field) => {
    const before = (await api.get(path, admin)).body;
    const { status, body } = await patch(change);
    expect(status).toBe(400);
    expect(body.errors.map((error: { field: string }) => error.field)).toEqual([field]);
    expect((await api.get(path, admin)).body).toEqual(before);
  });

  it('lets one of two changes made at once win', async () => {
    const { etag = '' } = (await api.get(path, admin)).headers;
    const answers = await Promise.all([1200, 1300].map((sessionTimeout) => patch({ sessionTimeout }, etag)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 412]);
  });

  it('is another tenant’s own', async () => {
    const other = await api.robot('globex');
    await patch({ sessionTimeout: 600 }, '*', other).expect(404);
    const reader = await api.robot('acme', ['policy:read']);
    await patch({ sessionTimeout: 600 }, '*', reader).expect(403);
  });
});
