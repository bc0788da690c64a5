import type { KeyStore } from '../cloud/keys/port.ts';
import type { Random } from '../kernel/random.ts';
import type { Directory } from '../tenancy/directory.ts';
import { asks, type Infrastructure } from './infrastructure.ts';
import type { PlanEntry } from './plan-entry.ts';
import type { Step, TenantRequest } from './step.ts';
import { balancer } from './steps/balancer.ts';
import { cache } from './steps/cache.ts';
import { database } from './steps/database.ts';
import { dns } from './steps/dns.ts';
import { health } from './steps/health.ts';
import { objects } from './steps/objects.ts';
import { services } from './steps/services.ts';
import { createTenantSecrets } from './tenant-secrets.ts';

/**
 * The steps for what a tenant has besides its table and keys, each only where the deployment has what it builds with (D4–D7, B6). The order
 * matters: services are told of database, files and cache; ECS takes target groups that a rule leads to; and nobody is led to a host before
 * its services are steady.
 */
export function infrastructureEntries({
  infrastructure,
  directory,
  keyStore,
  random,
  publicUrl,
}: {
  infrastructure: Infrastructure;
  directory: Directory;
  keyStore: KeyStore;
  random: Random;
  publicUrl: URL;
}): PlanEntry[] {
  const { databases, objects: storage, caches, hosting } = infrastructure;
  const secrets = createTenantSecrets({ directory, keyStore, random });
  return [
    ...when(databases && database({ databases, secrets }), asks.database),
    ...when(storage && objects({ storage }), asks.objects),
    ...when(caches && cache({ caches, secrets }), asks.cache),
    ...when(hosting && balancer({ hosting }), asks.hosting),
    ...when(hosting && services({ hosting, objects: storage, secrets, publicUrl }), asks.hosting),
    ...when(hosting?.dns && dns({ hosting, zone: hosting.dns }), asks.hosting),
    ...when(hosting && health({ hosting }), asks.hosting),
  ];
}

function when(step: Step | undefined, asked: (request: TenantRequest) => boolean): PlanEntry[] {
  return step === undefined ? [] : [{ name: step.name, step, wanted: ({ request }) => asked(request) }];
}
