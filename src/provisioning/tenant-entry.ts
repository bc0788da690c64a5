import { AppError } from '../kernel/errors.ts';
import type { Slug, TenantId } from '../kernel/ids.ts';
import type { TenantRecord } from '../kernel/tenant.ts';
import type { Directory } from '../tenancy/directory.ts';
import { LeaseLost } from './run-lease.ts';
import type { StepContext } from './step.ts';

/** Whoever writes the tenant's directory entry for a run. */
export type EntryWriter = Pick<StepContext, 'runId' | 'tenant' | 'fence'>;

/**
 * Changes the tenant's directory entry for a run. The entry keeps the fence of the worker that wrote it last, and the write holds only while that
 * stands, so a worker that was replaced writes nothing however late it wakes up: `LeaseLost`. `AppError('not_found')` without an entry.
 */
export async function updateEntry(
  directory: Pick<Directory, 'update'>,
  writer: EntryWriter,
  change: (record: TenantRecord) => TenantRecord,
): Promise<TenantRecord> {
  const { tenant, fence } = writer;
  return await directory.update(tenant.slug, tenant.id, (record) => {
    refuseReplaced(record, writer);
    const changed = change(record);
    return changed === record && record.provisioning.fence === fence
      ? record
      : { ...changed, provisioning: { ...changed.provisioning, fence } };
  });
}

/** The same where an entry that is gone is as good as changed. */
export async function updateEntryIfThere(
  directory: Pick<Directory, 'update'>,
  writer: EntryWriter,
  change: (record: TenantRecord) => TenantRecord,
): Promise<void> {
  try {
    await updateEntry(directory, writer, change);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'not_found')) {
      throw error;
    }
  }
}

/** Of the worker that wrote the tenant's entry for a run last; 0 when there is none, and when it cannot be told: the claim tells. */
export async function readFence(
  directory: Pick<Directory, 'get'>,
  { id, slug }: { id: TenantId; slug: Slug },
): Promise<number> {
  const record = await directory.get(slug).catch(unlessAway);
  return record?.id === id ? (record.provisioning.fence ?? 0) : 0;
}

function unlessAway(error: unknown): undefined {
  if (!(error instanceof AppError && error.code === 'temporarily_unavailable')) {
    throw error;
  }
}

/** From now on no worker that had the tenant's runs before writes the entry. */
export async function claimEntry(directory: Pick<Directory, 'update'>, writer: EntryWriter): Promise<void> {
  await updateEntryIfThere(directory, writer, (record) => record);
}

/** Gives the slug up. `LeaseLost` as with `updateEntry`; nothing without an entry. */
export async function removeEntry(directory: Pick<Directory, 'remove'>, writer: EntryWriter): Promise<void> {
  const { tenant } = writer;
  await directory.remove(tenant.slug, tenant.id, (record) => refuseReplaced(record, writer));
}

function refuseReplaced({ provisioning }: TenantRecord, { runId, fence }: EntryWriter): void {
  if ((provisioning.fence ?? 0) > fence) {
    throw new LeaseLost(runId);
  }
}
