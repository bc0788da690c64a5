import type { Interaction } from 'oidc-provider';
import { freshSignInSeconds } from '../step-up.ts';
import { authenticationClassReason } from '../wanted-class.ts';

/** A sign-in at a source that must have happened a short time ago. */
export interface FreshSignIn {
  /** Whether the person must sign in anew, however recent the last time was. */
  anew: boolean;
  /** Seconds: how old it may be otherwise. */
  maxAge?: number;
}

/** What is asked of a source whose answer has to be fresh, and when. */
export interface FreshRequest extends FreshSignIn {
  /** Epoch seconds. */
  askedAt: number;
  /** Whether the source was told to let the person do something, so that nobody comes back without having been there. */
  prompted: boolean;
}

/** How far the clock of a source may be off, in seconds. */
const skewSeconds = 60;

/**
 * What the request asks for by `prompt=login` and `max_age`; and whoever is signed in and is to prove more sets up nothing with a sign-in that may
 * have been somebody else's (`step-up.ts`).
 */
export function wantedFreshness({
  params,
  prompt,
  session,
}: Pick<Interaction, 'params' | 'prompt' | 'session'>): FreshSignIn | undefined {
  const anew = String(params.prompt ?? '')
    .split(' ')
    .includes('login');
  const asked = params.max_age === undefined ? Number.NaN : Number(params.max_age);
  const ages = [
    ...(Number.isInteger(asked) && asked >= 0 ? [asked] : []),
    ...(session !== undefined && prompt.reasons.includes(authenticationClassReason)
      ? [freshSignInSeconds]
      : []),
  ];
  if (!anew && ages.length === 0) {
    return undefined;
  }
  return ages.length === 0 ? { anew } : { anew, maxAge: Math.min(...ages) };
}

/** Whoever was asked anew has signed in since then; otherwise the sign-in may be as old as the request allows. */
export function isFreshSignIn(
  { anew, maxAge, askedAt }: FreshRequest,
  signIn: { provedAt: number; now: number },
): boolean {
  const oldest = anew || maxAge === undefined ? askedAt : Math.min(askedAt, signIn.now - maxAge);
  return signIn.provedAt >= oldest - skewSeconds;
}
