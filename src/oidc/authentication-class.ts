import type { Provider } from 'oidc-provider';
import { satisfies, singleFactor } from '../identity/authentication-level.ts';

/**
 * Lets tokens name the authentication context class that the client asked for when the session reached it or a stronger one: a client compares
 * `acr` with what it asked for, and need not know which classes stand above it. Who asked for nothing gets the session's own.
 */
export function installAuthenticationClass(provider: Provider): void {
  Object.defineProperty(provider.OIDCContext.prototype, 'acr', {
    get(this: InstanceType<Provider['OIDCContext']>) {
      const reached = this.session?.acr ?? singleFactor;
      const { value, values = [value] } = (this.claims?.id_token?.acr ?? {}) as {
        value?: unknown;
        values?: unknown[];
      };
      return values.find((wanted) => typeof wanted === 'string' && satisfies(reached, wanted)) ?? reached;
    },
  });
}
