import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Secret } from '../../src/kernel/secret.ts';
import { watchControlPlane } from '../../src/platform/control-plane-metrics.ts';
import { createMetrics, type Metrics } from '../../src/platform/metrics.ts';
import { serveMetrics } from '../../src/platform/metrics-server.ts';
import { watchQuotas } from '../../src/platform/quota-metrics.ts';
import { createOnboarding } from '../onboarding/onboarding-fixture.ts';
import { silentLog } from '../support/services.ts';

/** Reads Prometheus' text format: every series with its value. */
function readSeries(text: string): Map<string, number> {
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const at = line.lastIndexOf(' ');
        return [line.slice(0, at), Number(line.slice(at + 1))] as const;
      }),
  );
}

async function scrape(metrics: Pick<Metrics, 'registry'>): Promise<Map<string, number>> {
  return readSeries(await metrics.registry.metrics());
}

describe('what this process counts', () => {
  it('has a name, a help text and bounded labels', async () => {
    const metrics = createMetrics();
    metrics.stepTried('tenant-table', 'act', 'done', 1.5);
    metrics.stepTried('postgres-schema', 'act', 'failed', 0.2);
    metrics.runEnded('provision', 'succeeded', 42);
    metrics.signInTried('signed-in');
    metrics.tokensAnswered('refresh_token', 'issued');
    metrics.tableCalled('GetItem');
    metrics.requestAnswered({ method: 'GET', route: '/api/tenants/{slug}', status: 200, seconds: 0.01 });
    metrics.tenantLookedUp('held');
    metrics.watchPool(() => 3);
    metrics.messageTried('mail', 'delivered');
    metrics.auditVerified({ broken: 1 });
    const series = await scrape(metrics);
    const expected: [series: string, value: number][] = [
      [
        'tenantry_provisioning_step_seconds_sum{step="tenant-table",phase="resource-initialisation",action="act",outcome="done"}',
        1.5,
      ],
      [
        'tenantry_provisioning_step_seconds_count{step="postgres-schema",phase="database-creation",action="act",outcome="failed"}',
        1,
      ],
      ['provisioning_time_sum{kind="provision",result="succeeded"}', 42],
      ['tenantry_sign_ins_total{outcome="signed-in"}', 1],
      ['tenantry_token_requests_total{grant="refresh_token",outcome="issued"}', 1],
      ['tenantry_dynamodb_calls_total{operation="GetItem"}', 1],
      ['tenantry_http_request_seconds_count{method="GET",route="/api/tenants/{slug}",status="2xx"}', 1],
      ['tenantry_tenant_pool_lookups_total{outcome="held"}', 1],
      ['tenantry_tenant_pool_size', 3],
      ['tenantry_message_attempts_total{channel="mail",outcome="delivered"}', 1],
      ['tenantry_audit_broken_chains', 1],
    ];
    for (const [name, value] of expected) {
      expect([name, series.get(name)]).toEqual([name, value]);
    }
  });

  it('does not grow with what outsiders make up', async () => {
    const metrics = createMetrics();
    for (let count = 0; count < 200; count += 1) {
      metrics.requestAnswered({
        method: `M${count}`,
        route: `/{tenant}/word${count}`,
        status: 404,
        seconds: 0,
      });
      metrics.requestAnswered({ method: 'GET', route: `/{tenant}/x${count}/*`, status: 404, seconds: 0 });
      metrics.tokensAnswered(`grant${count}`, 'refused');
    }
    metrics.requestAnswered({ method: 'POST', route: '/{tenant}/token', status: 200, seconds: 0 });
    const series = [...(await scrape(metrics)).keys()];
    expect(series.filter((name) => name.startsWith('tenantry_http_request_seconds_count'))).toEqual([
      'tenantry_http_request_seconds_count{method="other",route="/{tenant}/*",status="4xx"}',
      'tenantry_http_request_seconds_count{method="GET",route="/{tenant}/*",status="4xx"}',
      'tenantry_http_request_seconds_count{method="POST",route="/{tenant}/token",status="2xx"}',
    ]);
    expect(series.filter((name) => name.startsWith('tenantry_token_requests'))).toEqual([
      'tenantry_token_requests_total{grant="other",outcome="refused"}',
    ]);
  });
});

describe('what stands in PostgreSQL', () => {
  let onboarding: Awaited<ReturnType<typeof createOnboarding>>;
  beforeAll(async () => {
    onboarding = await createOnboarding();
  });
  afterAll(() => onboarding.close());

  it('tells orders by status, tenants, runs, and jobs with their age', async () => {
    const { postgres } = onboarding;
    const first = await onboarding.submit();
    await onboarding.submit();
    await onboarding.takeUp(first.id);
    const tenantId = first.request.tenantId;
    await onboarding.approve(first.id);
    await postgres.query(
      `insert into provisioning_runs (id, tenant_id, state, turned_back, created_at, finished_at) values
         ('r1', $1, 'succeeded', false, now(), now()), ('r2', $1, 'succeeded', false, now(), now()),
         ('r3', $1, 'succeeded', false, now(), now()),
         ('r4', $1, 'undone', true, now(), now()), ('r5', $1, 'undone', true, now(), now() - interval '2 days')`,
      [tenantId],
    );
    const found = [
      { kind: 'orphan' },
      { kind: 'drift', repair: 'failed' },
      { kind: 'drift', repair: 'done' },
    ];
    await postgres.query(
      `insert into reconciliations (id, state, requested_by, repair, discrepancies, requested_at, finished_at) values
         ('c1', 'done', '{}', false, '[]', now(), now()), ('c2', 'done', '{}', true, $1, now(), now()),
         ('c3', 'failed', '{}', false, '[]', now(), now())`,
      [JSON.stringify(found)],
    );
    await postgres.query(
      `insert into tenant_health (tenant_id, status, checks, checked_at, since)
       values ($1, 'unhealthy', '[]', now() - interval '1 hour', now())`,
      [tenantId],
    );
    const metrics = createMetrics();
    watchControlPlane(metrics, postgres);
    const series = await scrape(metrics);
    for (const [kind, count] of Object.entries({ orphan: 1, missing: 0, drift: 1 })) {
      expect(series.get(`tenantry_reconciler_findings{kind="${kind}"}`)).toBe(count);
    }
    expect(series.get('tenantry_reconciler_unchecked')).toBe(0);
    expect(series.get('tenantry_reconciler_age_seconds')).toBeGreaterThanOrEqual(0);
    expect(series.get('tenantry_tenant_health{status="unhealthy"}')).toBe(1);
    expect(series.get('tenantry_tenant_health{status="healthy"}')).toBe(0);
    expect(series.get('tenantry_tenant_health_oldest_seconds')).toBeGreaterThanOrEqual(3_600);
    expect(series.get('provisioning_success_rate')).toBe(0.75);
    expect(series.get('tenantry_orders{status="Submitted"}')).toBe(1);
    expect(series.get('tenantry_orders{status="Approved"}')).toBe(1);
    expect(series.get('tenantry_tenants{status="provisioning"}')).toBe(1);
    expect(series.get('tenantry_tenants_provisioning{state="queued"}')).toBe(1);
    expect(series.get('tenantry_provisioning_runs{kind="provision",state="undone"}')).toBe(2);
    expect(series.get('tenantry_queue_jobs{queue="registration-intake",state="created"}')).toBe(2);
    expect(series.get('tenantry_queue_jobs{queue="tenant-provisioning",state="created"}')).toBe(1);
    expect(series.get('tenantry_queue_oldest_seconds{queue="registration-intake"}')).toBeGreaterThanOrEqual(
      0,
    );
    expect(series.get('tenantry_orders_attention')).toBe(0);
    expect(series.get('tenantry_order_oldest_waiting_seconds')).toBeGreaterThan(0);
    expect(series.get('tenantry_audit_unsigned_seconds')).toBeGreaterThan(0);
    expect(series.get('tenantry_control_plane_up')).toBe(1);
  });

  it('is read once for a scrape, and not more often than every few seconds', async () => {
    let queries = 0;
    const metrics = createMetrics();
    watchControlPlane(metrics, {
      query(text, values) {
        queries += 1;
        return onboarding.postgres.query(text, values);
      },
    });
    await scrape(metrics);
    const perReading = queries;
    await Promise.all([scrape(metrics), scrape(metrics)]);
    expect(queries).toBe(perReading);
    expect(perReading).toBe(19);
  });

  it('is absent, and not zero, while PostgreSQL does not answer; what the process counts is there', async () => {
    const metrics = createMetrics();
    metrics.signInTried('signed-in');
    watchControlPlane(metrics, { query: () => Promise.reject(new Error('gone')) });
    const series = await scrape(metrics);
    expect(series.get('tenantry_control_plane_up')).toBe(0);
    expect(series.has('tenantry_orders_attention')).toBe(false);
    expect(series.has('provisioning_success_rate')).toBe(false);
    expect(series.get('tenantry_sign_ins_total{outcome="signed-in"}')).toBe(1);
  });
});

describe('quotas', () => {
  it('are told beside what is used of them, counted beside the scrape, and not at every one', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const metrics = createMetrics();
    let asked = 0;
    let keys = async () => 7;
    watchQuotas(
      metrics,
      [
        {
          resource: 'tables',
          limit: 2_500,
          used: async () => {
            asked += 1;
            return 40 + asked;
          },
          usedHere: async () => 4,
        },
        { resource: 'KMS keys', limit: 100, used: () => keys() },
      ],
      silentLog,
    );
    const quotas = async () =>
      [...(await scrape(metrics))].filter(([name]) => name.startsWith('tenantry_quota'));
    const limits = [
      ['tenantry_quota_limit{resource="tables"}', 2_500],
      ['tenantry_quota_limit{resource="KMS keys"}', 100],
    ];
    expect(await quotas()).toEqual(limits);
    await new Promise(setImmediate);
    const known = [
      ...limits,
      ['tenantry_quota_used{resource="tables"}', 41],
      ['tenantry_quota_used{resource="KMS keys"}', 7],
      ['tenantry_quota_used_by_deployment{resource="tables"}', 4],
    ];
    expect(await quotas()).toEqual(known);
    vi.advanceTimersByTime(5 * 60_000);
    expect(await quotas()).toEqual(known);
    expect(asked).toBe(1);

    keys = () => Promise.reject(new Error('gone'));
    vi.advanceTimersByTime(1);
    await quotas();
    await new Promise(setImmediate);
    expect(await quotas()).toEqual([
      ...limits,
      ['tenantry_quota_used{resource="tables"}', 42],
      ['tenantry_quota_used_by_deployment{resource="tables"}', 4],
    ]);
  });
});

describe('GET /metrics', () => {
  async function start(token?: string) {
    const metrics = createMetrics();
    const server = await serveMetrics({
      metrics,
      host: '127.0.0.1',
      port: 0,
      token: token === undefined ? undefined : new Secret(token),
      log: silentLog,
    });
    onTestFinished(() => server.close());
    return (path: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${server.port}${path}`, init);
  }

  it('answers in the text format on a port of its own', async () => {
    const get = await start();
    const answer = await get('/metrics');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(readSeries(await answer.text()).get('tenantry_audit_broken_chains')).toBe(0);
  });

  it('has nothing else, and takes nothing', async () => {
    const get = await start();
    expect((await get('/')).status).toBe(404);
    expect((await get('/healthz')).status).toBe(404);
    expect((await get('/metrics', { method: 'POST' })).status).toBe(405);
  });

  it('asks for the token where there is one', async () => {
    const get = await start('scrape-me-if-you-can');
    const withToken = (authorization: string) => get('/metrics', { headers: { authorization } });
    expect((await get('/metrics')).status).toBe(401);
    expect((await withToken('Bearer scrape-me-if-you-cannot')).status).toBe(401);
    expect((await withToken('Bearer scrape-me-if-you-ca')).status).toBe(401);
    expect((await withToken('Basic scrape-me-if-you-can')).status).toBe(401);
    expect((await withToken('scrape-me-if-you-can')).status).toBe(401);
    expect((await withToken('Bearer scrape-me-if-you-can')).status).toBe(200);
  });
});

describe('config/alerts.yml', () => {
  const notMetrics = new Set(
    'by for histogram_quantile increase le max rate sum without on ignoring and or unless'.split(' '),
  );

  it('speaks only of metrics and labels that exist', async () => {
    const metrics = createMetrics();
    watchControlPlane(metrics, { query: async () => ({ rows: [], rowCount: 0 }) });
    watchQuotas(metrics, [], silentLog);
    const known = new Map<string, readonly string[]>();
    for (const { name, type, labelNames = [] } of metrics.registry.getMetricsAsArray() as unknown as {
      name: string;
      type: unknown;
      labelNames?: string[];
    }[]) {
      const names =
        String(type) === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
      for (const each of names) {
        known.set(each, [...labelNames, 'le']);
      }
    }
    const text = await readFile(join(import.meta.dirname, '../../config/alerts.yml'), 'utf8');
    const expressions = [...text.matchAll(/^ {8}expr: (?:>-\n((?: {10}.*\n)+)|(.*)\n)/gm)].map(
      ([, folded, plain]) => folded ?? plain ?? '',
    );
    expect(expressions).toHaveLength([...text.matchAll(/- alert: /g)].length);
    expect(expressions.length).toBeGreaterThan(15);
    for (const expression of expressions) {
      const bare = expression.replace(/\{[^}]*\}|\[[^\]]*\]|by \([^)]*\)/g, ' ');
      const names = (bare.match(/[a-z_][a-z0-9_]*/g) ?? []).filter((name) => !notMetrics.has(name));
      expect(names.length, expression).toBeGreaterThan(0);
      for (const name of names) {
        expect([...known.keys()], `in ${expression}`).toContain(name);
        const matchers = new RegExp(`${name}\\{([^}]*)\\}`).exec(expression)?.[1] ?? '';
        const labels = [...matchers.matchAll(/([a-z]+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label);
        expect(known.get(name), `in ${expression}`).toEqual(expect.arrayContaining(labels));
      }
    }
  });
});
