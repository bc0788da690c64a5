import { createOutbound } from '../../src/cloud/http/outbound.ts';
import type { KeyStore } from '../../src/cloud/keys/port.ts';
import type { Tables } from '../../src/cloud/tables/port.ts';
import type { PolicyFloor } from '../../src/identity/policy-floor.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { createTenantRuntimeFactory } from '../../src/oidc/build-tenant-runtime.ts';
import { createLogoutDelivery } from '../../src/oidc/sessions/logout-delivery.ts';
import { createLog } from '../../src/platform/log.ts';
import type { Queue } from '../../src/platform/queue.ts';
import { createRehearsal, type RehearseTenant } from '../../src/tenancy/rehearse-tenant.ts';
import { autoPages } from '../oidc/auto-pages.ts';

/** What automatic validation needs beside the stores: real runtimes on them, the default floor, and no queue that anybody looks into. */
export function governedParts(deps: { tables: Tables; keyStore: KeyStore; publicUrl: URL; clock: Clock }): {
  rehearse: RehearseTenant;
  policyFloor: PolicyFloor;
  needsKmsKey: boolean;
  queue: Pick<Queue, 'send'>;
} {
  const log = createLog({ level: 'silent' });
  const outbound = createOutbound({ allowedHosts: [] });
  const build = createTenantRuntimeFactory({
    ...deps,
    clock: systemClock,
    random: systemRandom,
    jwksCacheSeconds: 300,
    log,
    outbound,
    logoutDelivery: createLogoutDelivery({ outbound, waitsMs: [] }),
    pages: autoPages,
  });
  return {
    rehearse: createRehearsal({ ...deps, build, log }),
    policyFloor: { minPasswordLength: 10, minPasswordClasses: 2, maxSessionSeconds: 86_400 },
    needsKmsKey: false,
    queue: { send: async () => {} },
  };
}
