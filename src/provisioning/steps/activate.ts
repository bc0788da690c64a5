import type { Clock } from '../../kernel/clock.ts';
import type { Slug } from '../../kernel/ids.ts';
import type { Directory } from '../../tenancy/directory.ts';
import { type Step, UnusableResult } from '../step.ts';
import { updateEntry, updateEntryIfThere } from '../tenant-entry.ts';

/** Lets the data plane see the tenant. Until here the tenant looks to outsiders like none (E3). */
export function activate({
  directory,
  clock,
  onStatusChanged,
}: {
  directory: Directory;
  clock: Clock;
  /** Makes this process notice at once. */
  onStatusChanged: (slug: Slug) => void;
}): Step {
  const name = 'activate';
  return {
    name,

    async check({ tenant }) {
      const record = await directory.get(tenant.slug);
      return record?.id === tenant.id && record.status === 'active' ? { slug: tenant.slug } : undefined;
    },

    /** Only from the state in which the run left the entry: what was blocked, suspended or deleted since stays so. */
    async act(context) {
      const at = new Date(clock.now()).toISOString();
      await updateEntry(directory, context, (record) => {
        if (record.status !== 'provisioning') {
          throw new UnusableResult(`The tenant is ${record.status} and cannot be made active.`);
        }
        return {
          ...record,
          status: 'active',
          provisioning: {
            ...record.provisioning,
            steps: record.provisioning.steps.map((step) =>
              step.name === name ? { name, status: 'done', at } : step,
            ),
          },
        };
      });
      return { slug: context.tenant.slug };
    },

    async confirm({ tenant }) {
      const record = await directory.get(tenant.slug);
      if (record?.id !== tenant.id || record.status !== 'active' || record.signingKeys.length === 0) {
        throw new UnusableResult('The tenant did not become active.');
      }
      onStatusChanged(tenant.slug);
    },

    async undo(context) {
      const status = context.kind === 'deprovision' ? 'deleted' : 'failed';
      await updateEntryIfThere(directory, context, (record) => ({ ...record, status }));
      onStatusChanged(context.tenant.slug);
    },
  };
}
