/**
 * Tenancy: finding a tenant and holding it while a request runs.
 *
 * Owns the directory (one item per slug, written by the control plane, read by the data plane), the match of a request path to a slug, the
 * pool of running tenants and the Koa middleware in front of them. Does not own what a running tenant does: that is built by an injected
 * factory (`BuildTenantRuntime`), so nothing here knows OpenID Connect.
 *
 * Flow: request -> `matchTenant` -> `TenantPool.lease` (directory read only when the entry is due) -> `TenantRuntime.handle` -> release.
 * Every change of an item raises `configVersion`; that is what tells the pools of all processes to rebuild (E6).
 */
import {
  type Condition,
  ConditionFailed,
  type Item,
  type ItemKey,
  type Table,
} from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { Slug, TenantId } from '../kernel/ids.ts';
import type { TenantRecord } from '../kernel/tenant.ts';

export interface Directory {
  /** Strongly consistent. `undefined` when no tenant holds the slug. */
  get(slug: Slug): Promise<TenantRecord | undefined>;
  /**
   * Takes the slug for the tenant and returns the stored record. Idempotent: the tenant that holds the slug already gets its record as it
   * is, unchanged. `AppError('slug_unavailable')` when another tenant holds it (D1).
   */
  reserve(record: TenantRecord): Promise<TenantRecord>;
  /**
   * Replaces the record by `change(record)`, raising `configVersion` by one and setting `updatedAt`; `id`, `slug` and `createdAt` stay.
   * `change` runs again when somebody else wrote in between; when it returns the very record that it got, nothing is written.
   * `AppError('not_found')` when this tenant does not hold the slug, `AppError('conflict')` when others keep writing.
   */
  update(
    slug: Slug,
    tenantId: TenantId,
    change: (record: TenantRecord) => TenantRecord,
  ): Promise<TenantRecord>;
  /** Raises `configVersion` alone, so that running tenants are rebuilt. Nothing happens when no tenant holds the slug. */
  touch(slug: Slug): Promise<void>;
  /** Gives the slug up when this tenant holds it; otherwise changes nothing. `check` sees the record that is removed, and may refuse by throwing. */
  remove(slug: Slug, tenantId: TenantId, check?: (record: TenantRecord) => void): Promise<void>;
  /** All tenants, ordered by slug; from an index, so a record may be a moment old. `limit` defaults to 100. */
  list(page?: { limit?: number; cursor?: string }): Promise<{ tenants: TenantRecord[]; cursor?: string }>;
}

export function createDirectory({ table, clock }: { table: Table; clock: Clock }): Directory {
  async function get(slug: Slug): Promise<TenantRecord | undefined> {
    const item = await table.get(keyOf(slug));
    return item && readRecord(item);
  }

  async function tryUpdate(current: TenantRecord, changed: TenantRecord): Promise<TenantRecord | undefined> {
    const next: TenantRecord = {
      ...changed,
      id: current.id,
      slug: current.slug,
      createdAt: current.createdAt,
      configVersion: current.configVersion + 1,
      updatedAt: new Date(clock.now()).toISOString(),
    };
    return (await succeeds(table.put(itemOf(next), unchangedSince(current)))) ? next : undefined;
  }

  async function update(
    slug: Slug,
    tenantId: TenantId,
    change: (record: TenantRecord) => TenantRecord,
  ): Promise<TenantRecord> {
    for (let attempt = 1; attempt <= updateAttempts; attempt += 1) {
      const current = await get(slug);
      if (current?.id !== tenantId) {
        throw new AppError('not_found', 'There is no such tenant.');
      }
      const changed = change(current);
      const updated = changed === current ? current : await tryUpdate(current, changed);
      if (updated) {
        return updated;
      }
    }
    throw beingChanged();
  }

  return {
    get,
    async reserve(record) {
      if (await succeeds(table.put(itemOf(record), [{ exists: false }]))) {
        return record;
      }
      const holder = await get(record.slug);
      if (holder?.id !== record.id) {
        throw new AppError('slug_unavailable', 'This slug is taken.');
      }
      return holder;
    },
    update,
    async touch(slug) {
      const current = await get(slug);
      if (current) {
        await update(slug, current.id, (record) => ({ ...record }));
      }
    },
    async remove(slug, tenantId, check = () => {}) {
      for (let attempt = 1; attempt <= updateAttempts; attempt += 1) {
        const current = await get(slug);
        if (current?.id !== tenantId) {
          return;
        }
        check(current);
        if (await succeeds(table.delete(keyOf(slug), unchangedSince(current)))) {
          return;
        }
      }
      throw beingChanged();
    },
    async list({ limit = 100, cursor } = {}) {
      const page = await table.query({
        index: 'gsi1',
        pk: allTenants,
        limit,
        ...(cursor === undefined ? {} : { cursor }),
      });
      const tenants = page.items.map(readRecord);
      return page.cursor === undefined ? { tenants } : { tenants, cursor: page.cursor };
    },
  };
}

/** Writers of one tenant are few (a provisioning run, an operator, a key rotation), so a handful of rounds always suffices. */
const updateAttempts = 10;

const allTenants = 'Tenants';

function keyOf(slug: Slug): ItemKey {
  return { pk: `Tenant#${slug}`, sk: 'tenant' };
}

function itemOf(record: TenantRecord): Item {
  return {
    ...keyOf(record.slug),
    gsi1pk: allTenants,
    gsi1sk: record.slug,
    tenantId: record.id,
    status: record.status,
    configVersion: record.configVersion,
    record: JSON.stringify(record),
  };
}

function readRecord(item: Item): TenantRecord {
  return JSON.parse(String(item.record)) as TenantRecord;
}

function unchangedSince({ id, configVersion }: TenantRecord): Condition {
  return [
    { attribute: 'tenantId', equals: id },
    { attribute: 'configVersion', equals: configVersion },
  ];
}

function beingChanged(): AppError {
  return new AppError('conflict', 'The tenant is being changed by somebody else. Try again.');
}

async function succeeds(write: Promise<void>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionFailed) {
      return false;
    }
    throw error;
  }
}
