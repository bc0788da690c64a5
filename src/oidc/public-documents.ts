import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { SigningKeyRecord } from '../kernel/tenant.ts';
import { isActive, isPublished } from '../tenancy/key-lifecycle.ts';

/**
 * Lets clients keep the discovery document and the JWK Set for `cacheSeconds`, which is what the life of a key counts on. Leaves out of the JWK
 * Set the keys that are there for verification only, and out of the discovery document the algorithms that sign nothing now.
 */
export function installPublicDocuments(
  provider: Provider,
  signingKeys: readonly SigningKeyRecord[],
  cacheSeconds: number,
): void {
  const published = new Set(signingKeys.filter(isPublished).map(({ kid }) => kid));
  const algorithms = [...new Set(signingKeys.filter(isActive).map(({ alg }) => alg))];

  provider.use(async (context: KoaContextWithOIDC, next: () => Promise<void>) => {
    await next();
    const route = context.oidc?.route;
    if (context.status !== 200 || (route !== 'jwks' && route !== 'discovery')) {
      return;
    }
    context.set('Cache-Control', `public, max-age=${cacheSeconds}`);
    if (route === 'jwks') {
      const { keys } = context.body as { keys: { kid: string }[] };
      context.body = { keys: keys.filter(({ kid }) => published.has(kid)) };
    } else {
      context.body = {
        ...(context.body as object),
        id_token_signing_alg_values_supported: algorithms,
        userinfo_signing_alg_values_supported: algorithms,
      };
    }
  });
}
