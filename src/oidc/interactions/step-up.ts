import type { Context } from 'koa';
import type { Provider } from 'oidc-provider';
import { type Factors, hasSecondFactor } from '../../identity/factors.ts';
import type { People } from '../../identity/people.ts';
import { type Clock, epochSeconds } from '../../kernel/clock.ts';
import type { OpenInteraction } from './interaction-pages.ts';
import { isOutdated, type SignInFlow } from './sign-in-flow.ts';
import { authenticationClassReason } from './wanted-class.ts';

/** How old a sign-in may be for a first second factor to be set up with it, in seconds. */
export const freshSignInSeconds = 600;

/**
 * Step-up: whoever is signed in and lacks nothing but a stronger authentication is asked for what is missing, not for the password again. True
 * when the browser was sent there. A second factor that the account does not have yet is set up only after a fresh sign-in, or whoever finds
 * a browser unattended would set up theirs.
 */
export function createStepUp({
  provider,
  flow,
  people,
  factors,
  clock,
}: {
  provider: Provider;
  flow: Pick<SignInFlow, 'begin'>;
  people: Pick<People, 'findActive'>;
  factors: Pick<Factors, 'of'>;
  clock: Clock;
}): (context: Context, open: OpenInteraction) => Promise<boolean> {
  return async (context, open) => {
    const { prompt, session: former } = open.interaction;
    if (!former || prompt.reasons.some((reason) => reason !== authenticationClassReason)) {
      return false;
    }
    const session = await provider.Session.findByUid(former.uid);
    const account = session?.accountId === former.accountId && (await people.findActive(former.accountId));
    const methods = session?.amr ?? [];
    const signedInAt = session?.loginTs ?? 0;
    if (!account || isOutdated({ methods, provedAt: signedInAt }, account)) {
      return false;
    }
    const isFresh = signedInAt + freshSignInSeconds > epochSeconds(clock);
    if (!isFresh && !hasSecondFactor(await factors.of(account.id))) {
      return false;
    }
    await flow.begin(context, open, account, methods, { signedInAt });
    return true;
  };
}
