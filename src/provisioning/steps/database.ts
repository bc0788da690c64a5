import type { Databases, TenantDatabase } from '../../cloud/databases/port.ts';
import { ownerOf } from '../infrastructure.ts';
import { driftOf, lost, outOfReach, type Step, type StepContext, type StepOutput } from '../step.ts';
import { passwordIn, type TenantSecrets } from '../tenant-secrets.ts';
import { refuseProblems } from './refuse-problems.ts';

/**
 * Makes the tenant's database with its role and the base migrations (B2, D3), and tries from the tenant's side that it reaches nothing else.
 * The URL is in the directory entry, sealed.
 */
export function database({ databases, secrets }: { databases: Databases; secrets: TenantSecrets }): Step {
  const accessOf = (context: StepContext) =>
    secrets.ensure(context, 'database', (password) => databases.accessFor(ownerOf(context.tenant), password));

  const recordOf = (place: TenantDatabase): StepOutput => ({ ...place, at: databases.at });

  return {
    name: 'database',
    exclusive: ['schema', 'role'],

    async check({ tenant }) {
      const access = await secrets.read(tenant, 'database');
      const found = access && (await databases.find(ownerOf(tenant)));
      return found && recordOf(found);
    },

    async act(context) {
      const password = passwordIn(await accessOf(context));
      return recordOf(await databases.create(ownerOf(context.tenant), password));
    },

    async confirm(context) {
      const password = passwordIn(await accessOf(context));
      refuseProblems(
        'The tenant’s database is not fit for use.',
        await databases.inspect(ownerOf(context.tenant), password),
      );
    },

    place: ({ tenant }) => recordOf(databases.placeOf(ownerOf(tenant))),

    async inspect({ tenant }) {
      const access = await secrets.read(tenant, 'database');
      if (access === undefined || (await databases.find(ownerOf(tenant))) === undefined) {
        return [lost('there is no database that the tenant’s password opens')];
      }
      return driftOf(await databases.inspect(ownerOf(tenant), passwordIn(access)));
    },

    list: databases.list,

    async undo(context, output) {
      if (output?.at !== undefined && output.at !== databases.at) {
        throw outOfReach(
          `the ${output.kind} ${output.schema} in the database ${output.database} at ${output.at}`,
        );
      }
      const made = output && {
        kind: output.kind as TenantDatabase['kind'],
        database: String(output.database),
        schema: String(output.schema),
        role: String(output.role),
      };
      await databases.remove(ownerOf(context.tenant), made);
      await secrets.forget(context, 'database');
    },
  };
}
