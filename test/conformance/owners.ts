import { randomBytes } from 'node:crypto';
import type { ResourceOwner } from '../../src/cloud/resource-owner.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';

/** A tenant that no other test knows. */
export function freshOwner(slug = `acme-${randomBytes(4).toString('hex')}`): ResourceOwner {
  return { tenantId: `ten_${randomBytes(16).toString('base64url')}` as TenantId, slug: slug as Slug };
}
