import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { defaultApplicationTenantId } from '../../identity/application-tenant.ts';
import type { ApplicationTenants } from '../../identity/application-tenants.ts';
import { normalizeEmail } from '../../identity/email-address.ts';
import { applicationTenantOf } from '../client-metadata.ts';
import type { OpenInteraction } from './interaction-pages.ts';

/** The authorization parameter that names an application tenant, by id or by slug (E2). */
export const organizationParameter = 'organization';

/** The application tenant that the request asks for, else the one whose domain the address has, else the default one (E2). */
export type ChooseApplicationTenant = (open: OpenInteraction, email: string) => Promise<string>;

export interface ApplicationTenantChoice {
  /**
   * Puts the id of the application tenant into the request's parameter: what it asks for, or what its client is bound to. `invalid_request`
   * when there is no such application tenant, when it is suspended, and when the client is bound to another: one answer for all.
   */
  readRequest(
    context: Pick<KoaContextWithOIDC, 'oidc'>,
    organization: string | undefined,
    client: Client,
  ): Promise<void>;
  choose: ChooseApplicationTenant;
  /** Whether the request is open to people of this application tenant: when it asks for it, or for none. */
  admits(open: Pick<OpenInteraction, 'interaction'>, applicationTenantId: string): boolean;
}

export function createApplicationTenantChoice(
  applicationTenants: Pick<ApplicationTenants, 'find' | 'findByDomain'>,
): ApplicationTenantChoice {
  return {
    async readRequest(context, organization, client) {
      const bound = applicationTenantOf(client);
      const asked = organization ?? bound;
      if (asked === undefined) {
        return;
      }
      const found = await applicationTenants.find(asked);
      if (found?.status !== 'active' || (bound !== undefined && found.id !== bound)) {
        throw new errors.InvalidRequest(`${organizationParameter} is not one that this client may ask for`);
      }
      const { params } = context.oidc;
      if (params) {
        params[organizationParameter] = found.id;
      }
    },

    async choose({ interaction }, text) {
      const asked = interaction.params[organizationParameter];
      if (typeof asked === 'string') {
        return asked;
      }
      const domain = normalizeEmail(text)?.split('@').at(-1);
      const owner = domain === undefined ? undefined : await applicationTenants.findByDomain(domain);
      return owner?.id ?? defaultApplicationTenantId;
    },

    admits({ interaction }, applicationTenantId) {
      const asked = interaction.params[organizationParameter];
      return asked === undefined || asked === applicationTenantId;
    },
  };
}
