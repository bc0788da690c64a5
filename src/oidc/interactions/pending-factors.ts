import type { AccountFactors, Factors } from '../../identity/factors.ts';
import type { PendingSignIn } from './sign-in-flow.ts';

/** What the account of a pending sign-in has. */
export type FactorsOfPending = (pending: PendingSignIn) => Promise<AccountFactors>;

/** Several steps ask the same of one pending sign-in; it is read once, and again after every proof, which makes a new one of it. */
export function createFactorsOfPending(factors: Pick<Factors, 'of'>): FactorsOfPending {
  const read = new WeakMap<PendingSignIn, Promise<AccountFactors>>();
  return (pending) => {
    const found = read.get(pending) ?? factors.of(pending.account.id);
    read.set(pending, found);
    return found;
  };
}
