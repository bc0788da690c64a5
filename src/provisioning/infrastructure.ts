import type { Balancer } from '../cloud/balancer/port.ts';
import type { Caches } from '../cloud/cache/port.ts';
import type { Databases } from '../cloud/databases/port.ts';
import type { Dns } from '../cloud/dns/port.ts';
import type { Endpoints } from '../cloud/http/endpoints.ts';
import type { ObjectStorage } from '../cloud/objects/port.ts';
import type { ResourceOwner } from '../cloud/resource-owner.ts';
import type { Services } from '../cloud/service/port.ts';
import type { ProvisionedTenant, TenantRequest } from './step.ts';

/** What this deployment can give a tenant besides its table and keys. An absent part is no part of any plan. */
export interface Infrastructure {
  databases?: Databases;
  objects?: ObjectStorage;
  caches?: Caches;
  hosting?: Hosting;
  quotas: readonly Quota[];
}

/** A tenant's own services, and how requests find them (D4–D7). */
export interface Hosting {
  services: Services;
  balancer: Balancer;
  /** Absent: a wildcard record leads every host to the balancer. */
  dns?: Dns;
  endpoints: Endpoints;
  domain: string;
  /** Every part of the template, with the paths that it takes; without a path, the rest. */
  parts: readonly { part: string; path?: string }[];
  /** Of tenants' URLs, when it is not the protocol's own: the port of `TENANT_ENDPOINT_ADDRESS`. */
  port?: number;
}

/** One limit of the account or the deployment (C2). */
export interface Quota {
  /** `target groups`. */
  resource: string;
  limit: number;
  /** How many more the tenant takes. */
  needed(request: TenantRequest): number;
  used(): Promise<number>;
  /** Those of this deployment, where that is cheap to tell. */
  usedHere?: () => Promise<number>;
}

/** What a request asks for, by the words of its `features` (B1). */
export const asks = {
  database: ({ features }: TenantRequest) => includes(features?.storage, 'postgresql'),
  objects: ({ features }: TenantRequest) => includes(features?.storage, 's3'),
  cache: ({ features }: TenantRequest) => includes(features?.storage, 'redis'),
  hosting: ({ features }: TenantRequest) => includes(features?.hosting, 'ecs'),
} as const;

/** The words of `features` that this deployment can give. */
export function offeredFeatures({ databases, objects, caches, hosting }: Infrastructure) {
  return {
    storage: [...(objects ? ['s3'] : []), ...(databases ? ['postgresql'] : []), ...(caches ? ['redis'] : [])],
    hosting: hosting ? ['ecs'] : [],
  };
}

function includes(words: unknown, word: string): boolean {
  return Array.isArray(words) && words.includes(word);
}

export function ownerOf({ id, slug }: Pick<ProvisionedTenant, 'id' | 'slug'>): ResourceOwner {
  return { tenantId: id, slug };
}

export function hostOf(
  { domain }: Pick<Hosting, 'domain'>,
  { slug }: Pick<ProvisionedTenant, 'slug'>,
): string {
  return `${slug}.${domain}`;
}

/** Where the tenant's services answer (D9). */
export async function hostingUrl(hosting: Hosting, tenant: Pick<ProvisionedTenant, 'slug'>): Promise<string> {
  const { protocol, port } = await hosting.balancer.address();
  const url = new URL(`${protocol}://${hostOf(hosting, tenant)}/`);
  url.port = String(hosting.port ?? port);
  return url.href;
}
