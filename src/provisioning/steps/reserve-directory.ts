import type { Clock } from '../../kernel/clock.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import type { Directory } from '../../tenancy/directory.ts';
import { lost, type Step, UnusableResult } from '../step.ts';
import { removeEntry, updateEntryIfThere } from '../tenant-entry.ts';

/** Takes the slug in the directory (D1, E6). From here on the tenant's status can be read there (D2). */
export function reserveDirectory({ directory, clock }: { directory: Directory; clock: Clock }): Step {
  return {
    name: 'reserve-directory',
    exclusive: ['slug'],

    async check({ tenant }) {
      const record = await directory.get(tenant.slug);
      return record?.id === tenant.id ? { slug: record.slug } : undefined;
    },

    async act({ tenant, fence }) {
      const now = new Date(clock.now()).toISOString();
      const record: TenantRecord = {
        id: tenant.id,
        slug: tenant.slug,
        name: tenant.name,
        kind: tenant.kind,
        status: 'provisioning',
        configVersion: 1,
        tableName: tenant.tableName,
        ...(tenant.request.keyMode === undefined ? {} : { keyMode: tenant.request.keyMode }),
        signingKeys: [],
        sealedCookieKeys: '',
        provisioning: { state: 'running', steps: [], fence },
        createdAt: now,
        updatedAt: now,
      };
      await directory.reserve(record);
      return { slug: tenant.slug };
    },

    async confirm({ tenant }) {
      const record = await directory.get(tenant.slug);
      if (record?.id !== tenant.id || record.tableName !== tenant.tableName) {
        throw new UnusableResult('The directory entry is not the one that was reserved.');
      }
    },

    async inspect({ tenant }) {
      const record = await directory.get(tenant.slug);
      if (record?.id !== tenant.id) {
        return [lost('there is no directory entry of the tenant')];
      }
      return record.tableName === tenant.tableName
        ? []
        : [{ kind: 'drift', problem: 'the directory names another table', restorable: false }];
    },

    /** A tenant that was active leaves its entry behind, empty: nobody may ever have its slug, or its issuer (E6). */
    async undo(context) {
      if (context.kind === 'provision') {
        await removeEntry(directory, context);
      } else {
        await updateEntryIfThere(directory, context, tombstoneOf);
      }
    },
  };
}

function tombstoneOf({
  keyMode: _,
  intendedKeys: __,
  cookieKeys: ___,
  ...record
}: TenantRecord): TenantRecord {
  return {
    ...record,
    status: 'deleted',
    signingKeys: [],
    sealedCookieKeys: '',
    provisioning: { state: 'deprovisioned', steps: [] },
  };
}
