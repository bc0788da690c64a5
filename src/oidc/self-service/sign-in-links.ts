import { admitsOwnCredentials, defaultApplicationTenantId } from '../../identity/application-tenant.ts';
import type { ApplicationTenants } from '../../identity/application-tenants.ts';
import { organizationParameter } from '../interactions/application-tenant-choice.ts';
import type { SignInOffer } from '../interactions/sign-in-offer.ts';
import { offersSignUp } from './sign-up.ts';
import { withWayBack } from './way-back.ts';

/**
 * The way from the sign-in page to the pages of self-service, and back again: those of the application tenant that the request names, or else the
 * address. Before there is an address nobody knows whose password was forgotten.
 */
export function createSelfServiceLinks({
  slug,
  applicationTenants,
}: {
  slug: string;
  applicationTenants: Pick<ApplicationTenants, 'get'>;
}): SignInOffer {
  return {
    async describe({ interaction, look }, { asks, applicationTenantId }) {
      const asked = interaction.params[organizationParameter];
      const wayBack = {
        interaction: interaction.uid,
        uiLocales: look.texts.locale,
        ...(typeof asked === 'string' || applicationTenantId !== defaultApplicationTenantId
          ? { organization: applicationTenantId }
          : {}),
      };
      const owner = await applicationTenants.get(applicationTenantId);
      const urlOf = (path: string) => `/${slug}${withWayBack(path, wayBack)}`;
      return {
        ...(owner && asks !== 'address' && admitsOwnCredentials(owner)
          ? { forgottenPasswordUrl: urlOf('/forgotten-password') }
          : {}),
        ...(owner && offersSignUp(owner) ? { signUpUrl: urlOf('/sign-up') } : {}),
      };
    },
  };
}
