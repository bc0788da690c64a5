import type { OpenidSettings } from './sign-in-source.ts';

/** What a provider does that its discovery document does not say. */
export interface ProviderHabits {
  /** Values of `prompt` that it takes. */
  prompts?: readonly string[];
  /** What shows that somebody has signed in there just now. */
  freshSignIn: NonNullable<OpenidSettings['freshSignIn']>;
}

/** By issuer. Google refuses `prompt=login`, and never tells when somebody signed in (its OpenID Connect guide). */
const known: Readonly<Record<string, ProviderHabits>> = {
  'https://accounts.google.com': { prompts: ['none', 'consent', 'select_account'], freshSignIn: 'arrival' },
};

/** What the source's administrators say comes first. */
export function habitsOf({
  issuer,
  freshSignIn,
}: Pick<OpenidSettings, 'issuer' | 'freshSignIn'>): ProviderHabits {
  const habits = known[issuer] ?? { freshSignIn: 'auth_time' };
  return freshSignIn === undefined ? habits : { ...habits, freshSignIn };
}
