import { afterAll, beforeAll, expect, it } from 'vitest';
import { type MetricsServer, serveMetrics } from '../../../src/platform/metrics-server.ts';
import { silentLog, testServerEnv } from '../../support/services.ts';
import { post } from './oauth.ts';
import { type ProxiedServer, startProxiedServer } from './proxied-server.ts';
import { jwtResource, prepareSubject, type Subject } from './subject.ts';

let proxied: ProxiedServer;
let subject: Subject;
let metrics: MetricsServer;

beforeAll(async () => {
  proxied = await startProxiedServer();
  subject = await prepareSubject(proxied.server, 'acme');
  const { metrics: figures } = proxied.server;
  metrics = await serveMetrics({
    metrics: figures,
    host: '127.0.0.1',
    port: 0,
    token: undefined,
    log: silentLog,
  });
});
afterAll(async () => {
  await metrics.close();
  await proxied.close();
});

/** By series, as Prometheus reads them. */
async function read(): Promise<Record<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${metrics.port}/metrics`)).text();
  const series = text
    .split('\n')
    .map((line) => /^(tenantry_(?:kms|quota)\S*(?: keys"\})?) (\S+)$/.exec(line));
  return Object.fromEntries(series.flatMap((found) => (found ? [[found[1], Number(found[2])]] : [])));
}

it('tells how much of KMS and of the quotas is used', async () => {
  const { KEYS, SIGNING_ALGORITHM } = testServerEnv();
  const family = SIGNING_ALGORITHM === 'ES256' ? 'ecc' : 'rsa';
  const before = await read();
  const form = { grant_type: 'client_credentials', resource: jwtResource, scope: 'orders:read' };
  expect((await post(subject, '/token', subject.robot, form)).status).toBe(200);
  const after = await read();
  const signatures = `tenantry_kms_signatures{family="${family}"}`;
  expect((after[signatures] ?? 0) - (before[signatures] ?? 0)).toBe(KEYS === 'kms' ? 1 : 0);
  expect(after).toMatchObject({
    'tenantry_kms_signatures_budget{family="ecc"}': 500,
    'tenantry_kms_signatures_budget{family="rsa"}': 500,
    [`tenantry_kms_signatures_refused{family="${family}"}`]: 0,
    [`tenantry_kms_signatures_waiting{family="${family}"}`]: 0,
    tenantry_kms_key_creations_waiting: 0,
    tenantry_kms_open_circuits: 0,
  });
  expect(after.tenantry_kms_open_keys).toBeGreaterThanOrEqual(KEYS === 'kms' ? 0 : 1);

  await expect
    .poll(async () => Object.keys(await read()).filter((name) => name.includes('quota_used')), {
      timeout: 30_000,
    })
    .toHaveLength(4);
  const quotas = await read();
  // Directory, keys, and the two tenants; one key for small secrets, and one for each tenant.
  expect(quotas).toMatchObject({
    'tenantry_quota_limit{resource="tables"}': 2_500,
    'tenantry_quota_used_by_deployment{resource="tables"}': 4,
    'tenantry_quota_limit{resource="KMS keys"}': 100_000,
    'tenantry_quota_used_by_deployment{resource="KMS keys"}': 3,
  });
  for (const resource of ['tables', 'KMS keys']) {
    expect(quotas[`tenantry_quota_used{resource="${resource}"}`]).toBeGreaterThanOrEqual(
      quotas[`tenantry_quota_used_by_deployment{resource="${resource}"}`] ?? Number.POSITIVE_INFINITY,
    );
  }
});
