import type { ObjectStorage } from '../../cloud/objects/port.ts';
import type { Deployment } from '../../cloud/service/port.ts';
import { type Hosting, hostingUrl, ownerOf } from '../infrastructure.ts';
import { driftOf, outOfReach, type ProvisionedTenant, type Step } from '../step.ts';
import type { TenantSecrets } from '../tenant-secrets.ts';
import { refuseProblems } from './refuse-problems.ts';

/** Starts the tenant's copies of the template's services (D4) and waits until they are steady. */
export function services({
  hosting,
  objects,
  secrets,
  publicUrl,
}: {
  hosting: Hosting;
  objects: ObjectStorage | undefined;
  secrets: TenantSecrets;
  publicUrl: URL;
}): Step {
  const parts = hosting.parts.map(({ part }) => part);

  async function compose(tenant: ProvisionedTenant): Promise<Omit<Deployment, 'targetGroups'>> {
    const [database, cache, space, url] = await Promise.all([
      secrets.read(tenant, 'database'),
      secrets.read(tenant, 'cache'),
      objects?.find(ownerOf(tenant)),
      hostingUrl(hosting, tenant),
    ]);
    return {
      environment: {
        TENANT_ID: tenant.id,
        TENANT_SLUG: tenant.slug,
        TENANT_URL: url,
        OIDC_ISSUER: `${publicUrl.origin}/${tenant.slug}`,
        OBJECTS_LOCATION: space?.location,
        REDIS_PREFIX: cache && `tenant:${tenant.slug}:`,
        DATABASE_POOL_MAX: text(database?.pool?.max),
        DATABASE_POOL_MIN: text(database?.pool?.min),
        DATABASE_POOL_IDLE_MS: text(database?.pool?.idleMs),
        DATABASE_POOL_ACQUIRE_MS: text(database?.pool?.acquireMs),
      },
      secrets: { DATABASE_URL: database?.url, REDIS_URL: cache?.url },
    };
  }

  return {
    name: 'services',
    exclusive: ['services'],

    /** Deploying again changes only what differs. */
    async check() {
      return undefined;
    },

    async act({ tenant }) {
      const owner = ownerOf(tenant);
      const targetGroups = await hosting.balancer.find(owner, parts);
      await hosting.services.deploy(owner, { ...(await compose(tenant)), targetGroups });
      const made = (await hosting.services.describe(owner)).map(({ service }) => service);
      return { services: made, at: hosting.services.at };
    },

    async confirm({ tenant, signal }) {
      refuseProblems(
        'The tenant’s services did not become steady.',
        await hosting.services.untilSteady(ownerOf(tenant), signal),
      );
    },

    place: ({ tenant }) => ({ services: hosting.services.namesOf(ownerOf(tenant)), at: hosting.services.at }),

    /** A deployment that is under way is not looked at: the platform itself sees to it. */
    async inspect({ tenant }) {
      const states = await hosting.services.describe(ownerOf(tenant));
      return parts.flatMap((part) => {
        const state = states.find((each) => each.part === part);
        if (state === undefined) {
          return [{ kind: 'missing', problem: `${part}: there is no service`, restorable: true }];
        }
        if (state.state === 'failed') {
          return driftOf([`${part}: the deployment failed`]);
        }
        return state.desired === 0 ? driftOf([`${part}: the service is switched off`]) : [];
      });
    },

    list: hosting.services.list,

    async undo({ tenant, signal }, output) {
      const made = [output?.services ?? []].flat().map(String);
      if (output?.at !== undefined && output.at !== hosting.services.at) {
        throw outOfReach(`the services ${made.join(', ')} at ${output.at}`);
      }
      await hosting.services.remove(ownerOf(tenant), signal, made);
    },
  };
}

function text(value: number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}
