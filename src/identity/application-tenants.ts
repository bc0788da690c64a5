/**
 * Application tenants (E2): a tenant's own customers, each with users of its own. Owns their records in the tenant's table and the two
 * names by which sign-in finds one: the slug, fixed for life, and domains whose owner has proved them by DNS (`application-domains.ts`).
 *
 * A name is a pointer item that is written by a condition, so two application tenants never share one however many writers race. A pointer
 * counts only while the record that it names carries that name, too: whatever a crash leaves behind finds nothing.
 */
import { ConditionFailed, type Item, type ItemKey, type Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { type Random, randomId } from '../kernel/random.ts';
import {
  type ApplicationSettings,
  type ApplicationTenant,
  defaultApplicationTenantId,
  newSettings,
  parseApplicationSlug,
} from './application-tenant.ts';

export interface ApplicationTenantChange {
  name?: string;
  status?: ApplicationTenant['status'];
  settings?: ApplicationSettings;
  domains?: ApplicationTenant['domains'];
}

export interface ApplicationTenants {
  /** `AppError('conflict')` when the slug is taken, `AppError('validation_failed')` when it is none. */
  create(input: { slug: string; name: string; settings?: ApplicationSettings }): Promise<ApplicationTenant>;
  /** The default one exists in every tenant, stored or not. */
  get(id: string): Promise<ApplicationTenant | undefined>;
  findBySlug(slug: string): Promise<ApplicationTenant | undefined>;
  /** By a domain that was verified, of an e-mail address for instance; letter case does not count. */
  findByDomain(domain: string): Promise<ApplicationTenant | undefined>;
  /** Whether any but the default one has a domain, so that an address may lead there; from an index, so it may be a moment old. */
  haveDomains(): Promise<boolean>;
  /** By id, or else by slug: the form that requests name one in. */
  find(idOrSlug: string): Promise<ApplicationTenant | undefined>;
  /** In the order of their ids; the default one is left out as long as nothing of it was ever changed. */
  list(page?: { limit?: number; cursor?: string }): Promise<{
    applicationTenants: ApplicationTenant[];
    cursor?: string;
  }>;
  /** `AppError('precondition_failed')` when the record has another version by now, `AppError('not_found')` when there is none. */
  update(id: string, version: string, change: ApplicationTenantChange): Promise<ApplicationTenant>;
  /** Frees its names and forgets it. Its users are for the caller to remove first. Idempotent. */
  remove(id: string): Promise<void>;
}

export interface ApplicationTenantsDependencies {
  table: Table;
  clock: Clock;
  random: Random;
}

export function createApplicationTenants({
  table,
  clock,
  random,
}: ApplicationTenantsDependencies): ApplicationTenants {
  const isoNow = () => new Date(clock.now()).toISOString();

  async function get(id: string): Promise<ApplicationTenant | undefined> {
    if (!idPattern.test(id)) {
      return undefined;
    }
    const item = await table.get(recordKey(id));
    return item ? fromItem(item) : id === defaultApplicationTenantId ? untouchedDefault() : undefined;
  }

  async function findBySlug(text: string): Promise<ApplicationTenant | undefined> {
    const slug = text === defaultApplicationTenantId ? text : parseApplicationSlug(text);
    if (slug === undefined || slug === defaultApplicationTenantId) {
      return slug === undefined ? undefined : get(slug);
    }
    const pointer = await table.get(slugKey(slug));
    const found = pointer && (await get(String(pointer.applicationTenantId)));
    return found?.slug === slug ? found : undefined;
  }

  /** The id under which whoever claims the slug first, or finishes what somebody else began, creates the record. */
  async function claimSlug(slug: string): Promise<string> {
    const id = `apt_${randomId(random)}`;
    try {
      await table.put({ ...slugKey(slug), applicationTenantId: id }, [{ exists: false }]);
      return id;
    } catch (error) {
      if (!(error instanceof ConditionFailed)) {
        throw error;
      }
      // A pointer is removed before its record, so one without a record was never finished.
      const pointer = await table.get(slugKey(slug));
      return pointer ? String(pointer.applicationTenantId) : id;
    }
  }

  return {
    get,
    findBySlug,

    async create({ slug: text, name, settings }) {
      const slug = parseApplicationSlug(text);
      if (slug === undefined) {
        throw new AppError('validation_failed', 'The slug is not valid.', {
          fields: [{ field: 'slug', message: 'must have the form of a slug' }],
        });
      }
      const now = isoNow();
      const created: ApplicationTenant = {
        id: await claimSlug(slug),
        slug,
        name,
        status: 'active',
        domains: [],
        settings: settings ?? newSettings,
        version: randomId(random),
        createdAt: now,
        updatedAt: now,
      };
      try {
        await table.put(toItem(created), [{ exists: false }]);
      } catch (error) {
        throw error instanceof ConditionFailed ? slugTaken() : error;
      }
      return created;
    },

    async findByDomain(text) {
      const domain = text.toLowerCase();
      if (domain === '' || domain.length > 253) {
        return undefined;
      }
      const pointer = await table.get(domainKey(domain));
      const found = pointer && (await get(String(pointer.applicationTenantId)));
      return found?.domains.some((known) => known.domain === domain && known.verifiedAt !== undefined)
        ? found
        : undefined;
    },

    async haveDomains() {
      const { items } = await table.query({ index: 'gsi1', pk: domainIndex, limit: 1 });
      return items.length > 0;
    },

    async find(idOrSlug) {
      return idOrSlug.startsWith('apt_') ? get(idOrSlug) : findBySlug(idOrSlug);
    },

    async list({ limit, cursor } = {}) {
      const page = await table.query({
        pk: partition,
        ...(limit === undefined ? {} : { limit }),
        ...(cursor === undefined ? {} : { cursor }),
      });
      const applicationTenants = page.items.map(fromItem);
      return page.cursor === undefined ? { applicationTenants } : { applicationTenants, cursor: page.cursor };
    },

    async update(id, version, change) {
      const present = await get(id);
      if (!present) {
        throw noSuchApplicationTenant();
      }
      const next = { ...present, ...change, version: randomId(random), updatedAt: isoNow() };
      try {
        await table.put(
          toItem(next),
          version === untouchedVersion ? [{ exists: false }] : [{ attribute: 'version', equals: version }],
        );
      } catch (error) {
        throw error instanceof ConditionFailed ? changedMeanwhile() : error;
      }
      return next;
    },

    async remove(id) {
      const present = await get(id);
      if (!present || id === defaultApplicationTenantId) {
        return;
      }
      const names = [slugKey(present.slug), ...present.domains.map(({ domain }) => domainKey(domain))];
      for (const key of names) {
        await releaseName(table, key, id);
      }
      await table.delete(recordKey(id));
    },
  };
}

/** Removes the pointer if it names this application tenant. */
export async function releaseName(table: Table, key: ItemKey, id: string): Promise<void> {
  try {
    await table.delete(key, [{ attribute: 'applicationTenantId', equals: id }]);
  } catch (error) {
    if (!(error instanceof ConditionFailed)) {
      throw error;
    }
  }
}

/** The item by which a domain leads to its application tenant. */
export function domainPointer(domain: string, applicationTenantId: string): Item {
  const listed =
    applicationTenantId === defaultApplicationTenantId ? {} : { gsi1pk: domainIndex, gsi1sk: domain };
  return { ...domainKey(domain), applicationTenantId, ...listed };
}

export function domainKey(domain: string): ItemKey {
  return { pk: `ApplicationTenantDomain#${domain}`, sk: 'pointer' };
}

export function noSuchApplicationTenant(): AppError {
  return new AppError('not_found', 'There is no such application tenant.');
}

const partition = 'ApplicationTenant';
const domainIndex = 'ApplicationTenantDomains';
const untouchedVersion = 'new';
const idPattern = /^(?:default|apt_[A-Za-z0-9_-]{1,64})$/;

function recordKey(id: string): ItemKey {
  return { pk: partition, sk: id };
}

function slugKey(slug: string): ItemKey {
  return { pk: `ApplicationTenantSlug#${slug}`, sk: 'pointer' };
}

function slugTaken(): AppError {
  return new AppError('conflict', 'There is an application tenant with this slug.', {
    fields: [{ field: 'slug', message: 'is taken' }],
  });
}

function changedMeanwhile(): AppError {
  return new AppError('precondition_failed', 'It has been changed meanwhile. Read it again.');
}

function untouchedDefault(): ApplicationTenant {
  return {
    id: defaultApplicationTenantId,
    slug: defaultApplicationTenantId,
    name: 'Default',
    status: 'active',
    domains: [],
    settings: newSettings,
    version: untouchedVersion,
  };
}

function toItem({ id, domains, settings, ...rest }: ApplicationTenant): Item {
  return {
    ...recordKey(id),
    ...rest,
    domains: JSON.stringify(domains),
    settings: JSON.stringify(settings),
  };
}

function fromItem(item: Item): ApplicationTenant {
  return {
    id: item.sk,
    slug: String(item.slug),
    name: String(item.name),
    status: item.status as ApplicationTenant['status'],
    domains: JSON.parse(String(item.domains)),
    settings: JSON.parse(String(item.settings)),
    version: String(item.version),
    ...(item.createdAt === undefined ? {} : { createdAt: String(item.createdAt) }),
    ...(item.updatedAt === undefined ? {} : { updatedAt: String(item.updatedAt) }),
  };
}
