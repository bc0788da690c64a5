import type { SignInOutcome } from '../../platform/metrics.ts';

/** Told of every attempt to sign in. */
export type OnSignInTried = (outcome: SignInOutcome) => void;
