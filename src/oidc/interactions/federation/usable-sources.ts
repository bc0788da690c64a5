import { domainOfEmail } from '../../../identity/application-tenant.ts';
import type { ApplicationTenants } from '../../../identity/application-tenants.ts';
import { isForApplicationTenant, type SignInSource } from '../../../identity/sign-in-source.ts';

/** The sources that people of an application tenant may use. */
export interface UsableSources {
  /** All of the tenant that are enabled. */
  all(kind: SignInSource['kind']): SignInSource[];
  list(applicationTenantId: string, kind: SignInSource['kind']): Promise<SignInSource[]>;
  /** `undefined` unless it is enabled. */
  get(id: string): SignInSource | undefined;
  /** Whether the application tenant lets its people use it. */
  isUsable(source: SignInSource, applicationTenantId: string): Promise<boolean>;
}

/** `sources` are all of the tenant: its runtime is built anew when they change. */
export function createUsableSources({
  sources,
  applicationTenants,
}: {
  sources: readonly SignInSource[];
  applicationTenants: Pick<ApplicationTenants, 'get'>;
}): UsableSources {
  async function filterFor(applicationTenantId: string): Promise<(source: SignInSource) => boolean> {
    const applicationTenant = await applicationTenants.get(applicationTenantId);
    const chosen = applicationTenant?.settings.signInSources;
    return (source) =>
      applicationTenant?.status === 'active' &&
      isForApplicationTenant(source, applicationTenantId) &&
      (chosen?.includes(source.id) ?? true);
  }

  return {
    all: (kind) => sources.filter((source) => source.kind === kind && source.enabled !== false),
    async list(applicationTenantId, kind) {
      const ofKind = sources.filter((source) => source.kind === kind);
      return ofKind.length === 0 ? [] : ofKind.filter(await filterFor(applicationTenantId));
    },
    get: (id) => sources.find((source) => source.id === id && source.enabled !== false),
    isUsable: async (source, applicationTenantId) => (await filterFor(applicationTenantId))(source),
  };
}

/** Whether the source is the one for people with such an address. */
export function isForAddress({ domains = [] }: SignInSource, email: string): boolean {
  return domains.includes(domainOfEmail(email));
}
