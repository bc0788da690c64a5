import type { Interaction } from 'oidc-provider';
import type { FreshSignIn } from './fresh-sign-in.ts';

/**
 * What the application asks of the sign-in, for the provider that the person signs in at: step-up goes on there. Consent is ours to ask for, and
 * nothing is asked of a provider that it does not know: one that cannot be told to ask for a password anew is told to ask which account it is.
 */
export function upstreamParameters(
  { params }: Pick<Interaction, 'params'>,
  {
    fresh,
    ask,
    prompts,
  }: {
    fresh: FreshSignIn | undefined;
    /** Whether the provider is to ask the person, whomever it knows already. */
    ask: boolean;
    /** Values of `prompt` that the provider takes. */
    prompts: readonly string[];
  },
): Record<string, string> {
  const asked = String(params.prompt ?? '').split(' ');
  const wanted = [...(ask ? ['login'] : []), ...asked.filter((value) => value === 'select_account')];
  const substitute = ask && !prompts.includes('login') ? ['select_account'] : [];
  const prompt = [...new Set([...wanted, ...substitute])].filter((value) => prompts.includes(value));
  const parameters: Record<string, string> = prompt.length === 0 ? {} : { prompt: prompt.join(' ') };
  for (const name of ['login_hint', 'acr_values', 'ui_locales']) {
    const value = params[name];
    if (typeof value === 'string' && value !== '' && value.length <= 512) {
      parameters[name] = value;
    }
  }
  return fresh === undefined ? parameters : { ...parameters, max_age: String(fresh.maxAge ?? 0) };
}
