import type { TenantId } from '../../kernel/ids.ts';

/** The deployment's prefix in names: `tenantry`, `tenantry-staging`. */
export const prefixPattern = /^[A-Za-z0-9_-]{1,40}$/;
export const tenantIdPattern = /^ten_[A-Za-z0-9_-]{1,40}$/;
export const kidPattern = /^[A-Za-z0-9_-]{1,128}$/;

/**
 * Aliases name whose key it is, and keys are addressed only by alias: the handle of one tenant cannot even name the key of another. Slashes part
 * the components, because prefix, tenant id and kid may all contain hyphens; `alias/<prefix>/*` in an IAM policy covers exactly one deployment.
 */
export function signingKeyAlias(
  prefix: string,
  tenantId: TenantId,
  key: { kid: string; alg: string; instance: string },
): string {
  return `${deploymentAliases(prefix)}${tenantId}/${key.kid}/${key.alg}/${key.instance}`;
}

/** What every alias of the deployment begins with, and no other. */
export function deploymentAliases(prefix: string): string {
  return `alias/${prefix}/`;
}

/** The tenant's key that wraps its data key pairs. */
export function wrappingKeyAlias(prefix: string, tenantId: TenantId, instance: string): string {
  return `${deploymentAliases(prefix)}${tenantId}/wrapping/${instance}`;
}

/** The deployment's key that wraps the key for small secrets. */
export function sealingKeyAlias(prefix: string, instance: string): string {
  return `${deploymentAliases(prefix)}sealing/${instance}`;
}

/** Tag keys; also the names in encryption contexts. */
export const tagNames = {
  deployment: 'tenantry:deployment',
  tenant: 'tenantry:tenant',
  kid: 'tenantry:kid',
  alg: 'tenantry:alg',
  purpose: 'tenantry:purpose',
  instance: 'tenantry:instance',
} as const;
