import type { CacheSpace, Caches } from '../../cloud/cache/port.ts';
import { ownerOf } from '../infrastructure.ts';
import { driftOf, outOfReach, type Step, type StepContext, type StepOutput } from '../step.ts';
import { passwordIn, type TenantSecrets } from '../tenant-secrets.ts';
import { refuseProblems } from './refuse-problems.ts';

/** Makes the tenant's namespace of the cache with a user of its own (B6). The URL is in the directory entry, sealed. */
export function cache({ caches, secrets }: { caches: Caches; secrets: TenantSecrets }): Step {
  const accessOf = (context: StepContext) =>
    secrets.ensure(context, 'cache', (password) => ({
      url: caches.urlFor(ownerOf(context.tenant), password),
    }));

  const recordOf = (space: CacheSpace): StepOutput => ({ ...space, at: caches.at });

  return {
    name: 'cache',
    exclusive: ['username', 'keyPrefix'],

    async check({ tenant }) {
      const access = await secrets.read(tenant, 'cache');
      const found = access && (await caches.find(ownerOf(tenant)));
      return found && recordOf(found);
    },

    async act(context) {
      const password = passwordIn(await accessOf(context));
      return recordOf(await caches.create(ownerOf(context.tenant), password));
    },

    async confirm(context) {
      const password = passwordIn(await accessOf(context));
      refuseProblems(
        'The tenant’s cache is not fit for use.',
        await caches.inspect(ownerOf(context.tenant), password),
      );
    },

    place: () => ({ at: caches.at }),

    async inspect({ tenant }) {
      const access = await secrets.read(tenant, 'cache');
      if (access === undefined || (await caches.find(ownerOf(tenant))) === undefined) {
        // What a cache held is nobody's loss.
        return [{ kind: 'missing', problem: 'there is no user of the cache', restorable: true }];
      }
      return driftOf(await caches.inspect(ownerOf(tenant), passwordIn(access)));
    },

    list: caches.list,

    async undo(context, output) {
      if (output?.at !== undefined && output.at !== caches.at) {
        throw outOfReach(`the user ${output.username} of the cache at ${output.at}`);
      }
      await caches.remove(ownerOf(context.tenant));
      await secrets.forget(context, 'cache');
    },
  };
}
