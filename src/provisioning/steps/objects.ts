import type { ObjectSpace, ObjectStorage } from '../../cloud/objects/port.ts';
import { ownerOf } from '../infrastructure.ts';
import { driftOf, lost, outOfReach, type Step, type StepOutput } from '../step.ts';
import { refuseProblems } from './refuse-problems.ts';

/** Makes the tenant's place for files (B6): a bucket, a prefix or a folder. */
export function objects({ storage }: { storage: ObjectStorage }): Step {
  const recordOf = (space: ObjectSpace): StepOutput => ({ ...space, at: storage.at });

  return {
    name: 'objects',
    exclusive: ['location'],

    async check({ tenant }) {
      const space = await storage.find(ownerOf(tenant));
      return space && recordOf(space);
    },

    async act({ tenant }) {
      return recordOf(await storage.create(ownerOf(tenant)));
    },

    async confirm({ tenant }) {
      refuseProblems(
        'The tenant’s storage for files is not fit for use.',
        await storage.inspect(ownerOf(tenant)),
      );
    },

    place: ({ tenant }) => recordOf(storage.spaceOf(ownerOf(tenant))),

    async inspect({ tenant }) {
      return (await storage.find(ownerOf(tenant))) === undefined
        ? [lost('there is no storage for files that is marked as the tenant’s')]
        : driftOf(await storage.inspect(ownerOf(tenant)));
    },

    list: storage.list,

    async undo({ tenant }, output) {
      const owner = ownerOf(tenant);
      const made = output && { kind: output.kind as ObjectSpace['kind'], location: String(output.location) };
      const isElsewhere = output?.at !== undefined && output.at !== storage.at;
      if (made && (isElsewhere || !(await storage.reaches(owner, made)))) {
        throw outOfReach(`the files at ${made.location}`);
      }
      await storage.remove(owner, made);
    },
  };
}
