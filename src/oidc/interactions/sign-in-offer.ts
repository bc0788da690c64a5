import type { Message } from '../../web/i18n/texts.ts';
import type { SignInOffers } from '../../web/views.ts';
import type { OpenInteraction, TakeForm } from './interaction-pages.ts';

/** Where a person is on the way into a sign-in. */
export interface SignInPlace {
  /** What is known of the person's address, or empty. */
  email: string;
  /** Where the person belongs, as far as it is known. */
  applicationTenantId: string;
  /** What the page has fields for. */
  asks: 'address' | 'password' | 'both' | 'nothing';
}

/** A way to sign in besides the password form, or a way to get so far. */
export interface SignInOffer {
  /** What it adds to the page. */
  describe(open: OpenInteraction, place: SignInPlace): Promise<Partial<SignInOffers>>;
  forms?: Readonly<Record<string, TakeOfferForm>>;
}

/** `fail` shows the sign-in page again and says why. */
type TakeOfferForm = (
  ...given: [...Parameters<TakeForm>, fail: (page: { status: number; error: Message }) => Promise<void>]
) => Promise<void>;
