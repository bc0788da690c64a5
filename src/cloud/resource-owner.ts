import { createHash } from 'node:crypto';
import type { Slug, TenantId } from '../kernel/ids.ts';

/** The tenant that a resource is made for. */
export interface ResourceOwner {
  tenantId: TenantId;
  slug: Slug;
}

/** Something that exists and was made for a tenant. */
export interface OwnedResource {
  /** As an operator would look for it. */
  name: string;
  owner: ResourceOwner;
}

/**
 * What exists and is this deployment's: it bears the deployment's mark, or a name that only one of `known` can have. Everything else is
 * somebody else's and left out, so that whatever is listed may be removed when its owner is gone.
 */
export type ListOwned = (known: readonly ResourceOwner[]) => Promise<OwnedResource[]>;

/** Tag keys of everything that has tags. */
export const resourceTags = {
  deployment: 'tenantry:deployment',
  tenant: 'tenantry:tenant',
  slug: 'tenantry:slug',
} as const;

export function tagsOf(deployment: string, { tenantId, slug }: ResourceOwner): Record<string, string> {
  return {
    [resourceTags.deployment]: deployment,
    [resourceTags.tenant]: tenantId,
    [resourceTags.slug]: slug,
  };
}

/** Whose mark it is; `undefined` for another deployment's, and without one. */
export function ownerInTags(
  deployment: string,
  tags: readonly { key?: string | undefined; value?: string | undefined }[],
): ResourceOwner | undefined {
  const values = new Map(tags.map(({ key, value }) => [key, value]));
  const [tenantId, slug] = [values.get(resourceTags.tenant), values.get(resourceTags.slug)];
  return values.get(resourceTags.deployment) === deployment && tenantId !== undefined && slug !== undefined
    ? { tenantId: tenantId as TenantId, slug: slug as Slug }
    : undefined;
}

/**
 * `length` hex digits fixed by the tenant's id. In a name they keep apart a tenant and one that had the slug before it was rolled back, and
 * nobody can guess the name before the resource exists.
 */
export function ownerDigest({ tenantId }: ResourceOwner, length = 8): string {
  return createHash('sha256').update(tenantId).digest('hex').slice(0, length);
}
