import type { Account } from '../../identity/accounts.ts';
import type { ActivityLog } from '../../identity/activity-log.ts';
import type { ApplicationRules } from '../../identity/application-rules.ts';
import { methodsOfPasskey } from '../../identity/authentication-level.ts';
import { admitsAddress } from '../../identity/ip-restrictions.ts';
import type { Passkeys } from '../../identity/passkeys.ts';
import type { People } from '../../identity/people.ts';
import type { ReadClientIp } from '../../web/client-ip.ts';
import { type ApplicationTenantChoice, organizationParameter } from './application-tenant-choice.ts';
import type { OpenInteraction } from './interaction-pages.ts';
import type { SignInFlow } from './sign-in-flow.ts';
import type { SignInOffer, SignInPlace } from './sign-in-offer.ts';
import type { OnSignInTried } from './sign-in-outcome.ts';

/**
 * Signing in with a passkey instead of a password (B4): by a button, and from the list that the browser shows at the address field. A passkey
 * of another tenant, of an account that is gone, or of an application tenant that the request does not ask for: one answer for all.
 */
export function createPasskeyOffer({
  flow,
  passkeys,
  people,
  applicationTenantChoice,
  policyOf,
  admitsOwnCredentials,
  readClientIp,
  activity,
  onSignInTried,
}: {
  flow: Pick<SignInFlow, 'begin'>;
  passkeys: Pick<Passkeys, 'signInOptions' | 'signIn'>;
  people: Pick<People, 'findActive'>;
  applicationTenantChoice: Pick<ApplicationTenantChoice, 'admits'>;
  policyOf: ApplicationRules['policyOf'];
  admitsOwnCredentials: ApplicationRules['admitsOwnCredentials'];
  readClientIp: ReadClientIp;
  activity: Pick<ActivityLog, 'note'>;
  onSignInTried: OnSignInTried;
}): SignInOffer {
  const name = 'passkey';

  /** Of an application tenant that neither the request names nor the address, nobody knows before the passkey is there. */
  async function isOffered(
    { interaction }: OpenInteraction,
    { asks, applicationTenantId }: SignInPlace,
  ): Promise<boolean> {
    const isKnown = asks === 'password' || typeof interaction.params[organizationParameter] === 'string';
    return !isKnown || admitsOwnCredentials(applicationTenantId);
  }

  return {
    async describe(open, place) {
      if (!(await isOffered(open, place))) {
        return {};
      }
      const options = JSON.stringify(await passkeys.signInOptions(open.interaction.cid));
      return { passkey: { action: open.actionUrl(name), csrf: open.csrf(name), options } };
    },

    forms: {
      async [name](context, open, { response = '' }, fail) {
        const isFromElsewhere = async (applicationTenantId?: string) =>
          !admitsAddress(await policyOf(applicationTenantId), readClientIp(context.req));
        const refuseNetwork = async (account?: Account) => {
          onSignInTried('network-refused');
          activity.note({ kind: 'sign-in-failed', ...(account && { account }), reason: 'network' }, context);
          await fail({ status: 403, error: { key: 'sign-in.wrong-network' } });
        };
        if (await isFromElsewhere()) {
          await refuseNetwork();
          return;
        }
        const proof = await passkeys.signIn(open.interaction.cid, response);
        const account = proof && (await people.findActive(proof.passkey.accountId));
        if (
          !account ||
          !applicationTenantChoice.admits(open, account.applicationTenantId) ||
          !(await admitsOwnCredentials(account.applicationTenantId))
        ) {
          onSignInTried('wrong-credentials');
          activity.note({ kind: 'sign-in-failed', ...(account && { account }), reason: 'passkey' }, context);
          await fail({ status: 401, error: { key: 'factors.wrong-passkey' } });
          return;
        }
        if (await isFromElsewhere(account.applicationTenantId)) {
          await refuseNetwork(account);
          return;
        }
        const { synced } = proof.passkey;
        await flow.begin(context, open, account, methodsOfPasskey({ synced, userVerified: true }));
      },
    },
  };
}
