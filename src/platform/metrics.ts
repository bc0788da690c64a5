/**
 * What the deployment tells Prometheus (B11, B14, C6). Owns the names, labels and buckets of everything that is counted in this process;
 * `control-plane-metrics.ts` reads what stands in PostgreSQL. The parts that are measured know nothing of this: they call hooks.
 *
 * Labels are bounded by the code: names of steps, statuses, route patterns. No tenant, person, address or id is ever a label, because anybody
 * could make those grow without end, and because they are nobody's business who reads metrics.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export interface Metrics {
  readonly registry: Registry;
  /** A step of a provisioning run was tried, or undone. */
  stepTried(step: string, action: 'act' | 'undo', outcome: 'done' | 'failed', seconds: number): void;
  /** From the beginning of a run to its end. */
  runEnded(kind: string, result: string, seconds: number): void;
  signInTried(outcome: SignInOutcome): void;
  tokensAnswered(grant: string, outcome: 'issued' | 'refused'): void;
  tableCalled(operation: string): void;
  requestAnswered(request: { method: string; route: string; status: number; seconds: number }): void;
  tenantLookedUp(outcome: 'held' | 'loaded' | 'absent' | 'failed'): void;
  /** Asked at every scrape. */
  watchPool(size: () => number): void;
  /** Asked at every scrape. */
  watchKms(usage: () => KmsFigures | undefined): void;
  messageTried(channel: string, outcome: string): void;
  /** Chains that did not verify when they were last looked at. */
  auditVerified(report: { broken: number }): void;
}

/** What the key store in KMS tells of itself; by key family where it says so. */
export interface KmsFigures {
  signatures: Readonly<
    Record<string, { perSecond: number; waiting: number; granted: number; refused: number }>
  >;
  keyCreations: { waiting: number };
  openCircuits: number;
  openKeys: number;
}

/** `more-asked`: a first factor was proved, and something else is asked before the person is signed in. */
export type SignInOutcome =
  | 'signed-in'
  | 'more-asked'
  | 'wrong-credentials'
  | 'rate-limited'
  | 'network-refused';

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const stepSeconds = new Histogram({
    name: 'tenantry_provisioning_step_seconds',
    help: 'Duration of one attempt of a provisioning step; phase sums up steps: database-creation, resource-initialisation, configuration, check, gate.',
    labelNames: ['step', 'phase', 'action', 'outcome'] as const,
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900],
    registers,
  });
  const runSeconds = new Histogram({
    name: 'provisioning_time',
    help: 'Seconds from the beginning of a provisioning run to its end, waits at gates included.',
    labelNames: ['kind', 'result'] as const,
    buckets: [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400, 86_400, 604_800],
    registers,
  });
  const signIns = new Counter({
    name: 'tenantry_sign_ins_total',
    help: 'Attempts to sign in with a password, by outcome.',
    labelNames: ['outcome'] as const,
    registers,
  });
  const tokens = new Counter({
    name: 'tenantry_token_requests_total',
    help: 'Answers of the token endpoints, by grant type.',
    labelNames: ['grant', 'outcome'] as const,
    registers,
  });
  const tableCalls = new Counter({
    name: 'tenantry_dynamodb_calls_total',
    help: 'Calls to DynamoDB; retries inside a call are not counted.',
    labelNames: ['operation'] as const,
    registers,
  });
  const requests = new Histogram({
    name: 'tenantry_http_request_seconds',
    help: 'Duration of HTTP requests, by route pattern.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const lookUps = new Counter({
    name: 'tenantry_tenant_pool_lookups_total',
    help: 'Look-ups of running tenants: held ones are hits, loaded ones misses.',
    labelNames: ['outcome'] as const,
    registers,
  });
  const messages = new Counter({
    name: 'tenantry_message_attempts_total',
    help: 'Attempts to deliver mail and webhook messages, by outcome.',
    labelNames: ['channel', 'outcome'] as const,
    registers,
  });
  const brokenChains = new Gauge({
    name: 'tenantry_audit_broken_chains',
    help: 'Audit chains that did not verify when they were last looked at by this process.',
    registers,
  });

  return {
    registry,
    stepTried: (step, action, outcome, seconds) =>
      stepSeconds.observe({ step, phase: phaseOf(step), action, outcome }, seconds),
    runEnded: (kind, result, seconds) => runSeconds.observe({ kind, result }, seconds),
    signInTried: (outcome) => signIns.inc({ outcome }),
    tokensAnswered: (grant, outcome) => tokens.inc({ grant: grantLabel(grant), outcome }),
    tableCalled: (operation) => tableCalls.inc({ operation }),
    requestAnswered: ({ method, route, status, seconds }) =>
      requests.observe(
        { method: methodLabel(method), route: routeLabel(route), status: `${Math.floor(status / 100)}xx` },
        seconds,
      ),
    tenantLookedUp: (outcome) => lookUps.inc({ outcome }),
    watchPool(size) {
      new Gauge({
        name: 'tenantry_tenant_pool_size',
        help: 'Running tenants that this process holds.',
        registers,
        collect() {
          this.set(size());
        },
      });
    },
    watchKms(usage) {
      if (usage() === undefined) {
        return;
      }
      const families = (read: (figures: KmsFigures['signatures'][string]) => number) =>
        Object.entries(usage()?.signatures ?? {}).map(
          ([family, figures]) => [family, read(figures)] as const,
        );
      const gauge = (name: string, help: string, read: Parameters<typeof families>[0]) =>
        new Gauge({
          name,
          help,
          labelNames: ['family'],
          registers,
          collect() {
            for (const [family, value] of families(read)) {
              this.set({ family }, value);
            }
          },
        });
      gauge(
        'tenantry_kms_signatures',
        'Signatures that KMS was asked for since the start.',
        (each) => each.granted,
      );
      gauge(
        'tenantry_kms_signatures_refused',
        'Signatures refused for want of quota since the start.',
        (each) => each.refused,
      );
      gauge(
        'tenantry_kms_signatures_waiting',
        'Signatures that wait for their turn.',
        (each) => each.waiting,
      );
      gauge(
        'tenantry_kms_signatures_budget',
        'Signatures per second that this process may ask of KMS.',
        (each) => each.perSecond,
      );
      new Gauge({
        name: 'tenantry_kms_key_creations_waiting',
        help: 'KMS keys that wait for their turn to be made.',
        registers,
        collect() {
          this.set(usage()?.keyCreations.waiting ?? 0);
        },
      });
      new Gauge({
        name: 'tenantry_kms_open_circuits',
        help: 'KMS keys that are not asked at present because they failed.',
        registers,
        collect() {
          this.set(usage()?.openCircuits ?? 0);
        },
      });
      new Gauge({
        name: 'tenantry_kms_open_keys',
        help: 'Private keys wrapped by KMS that are open in this process.',
        registers,
        collect() {
          this.set(usage()?.openKeys ?? 0);
        },
      });
    },
    messageTried: (channel, outcome) => messages.inc({ channel, outcome }),
    auditVerified: ({ broken }) => brokenChains.set(broken),
  };
}

/** Steps by what they are for (B11). */
function phaseOf(step: string): string {
  if (/^(postgres|database)/.test(step)) {
    return 'database-creation';
  }
  if (/^(validation|compliance)/.test(step)) {
    return 'gate';
  }
  if (/^(preconditions|health)/.test(step)) {
    return 'check';
  }
  return configurationSteps.has(step) ? 'configuration' : 'resource-initialisation';
}

const configurationSteps = new Set([
  'reserve-directory',
  'defaults',
  'first-client',
  'initial-admin',
  'activate',
  'receipt',
]);

const grants = new Set(['authorization_code', 'refresh_token', 'client_credentials']);

/** Whatever a client sends as grant type must not become a label. */
function grantLabel(grant: string): string {
  return grants.has(grant) ? grant : 'other';
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

function methodLabel(method: string): string {
  return methods.has(method) ? method : 'other';
}

/** What the provider and our pages answer below a tenant's path. */
const tenantRoutes = new Set([
  'auth',
  'interaction',
  'introspection',
  'invitation',
  'jwks',
  'me',
  'request',
  'revocation',
  'session',
  'token',
  '.well-known',
]);

/** Below a tenant's path anybody can ask for any word: only the known ones become labels. */
function routeLabel(route: string): string {
  const word = /^\/\{tenant\}\/([^/]*)/.exec(route)?.[1];
  return word === undefined || tenantRoutes.has(word) ? route : '/{tenant}/*';
}
