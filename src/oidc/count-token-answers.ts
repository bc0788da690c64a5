import type { KoaContextWithOIDC, Provider } from 'oidc-provider';

/** Told of every answer of a token endpoint; `grant` is what the client sent, so anything. */
export type OnTokenAnswer = (grant: string, outcome: 'issued' | 'refused') => void;

/** To be installed before whatever else may change the answer. */
export function countTokenAnswers(provider: Provider, onTokenAnswer: OnTokenAnswer): void {
  provider.use(async (context: KoaContextWithOIDC, next: () => Promise<void>) => {
    await next();
    if (context.oidc?.route === 'token') {
      const grant = context.oidc.params?.grant_type;
      onTokenAnswer(typeof grant === 'string' ? grant : '', context.status === 200 ? 'issued' : 'refused');
    }
  });
}
