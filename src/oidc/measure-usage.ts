import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { TenantMeter } from '../tenancy/usage-meter.ts';

/** Counts the provider's sign-ins and tokens, and who is active, without a call to the store. */
export function measureUsage(provider: Provider, meter: TenantMeter): void {
  provider.on('interaction.ended', ({ oidc }) => {
    // What was answered to an earlier prompt is repeated with every later one.
    const accountId = oidc.result?.login?.accountId;
    if (accountId !== undefined && oidc.entities.Interaction?.prompt.name === 'login') {
      meter.count('signIns');
      meter.active(accountId);
    }
  });
  provider.use(async (context: KoaContextWithOIDC, next: () => Promise<void>) => {
    await next();
    if (context.oidc?.route === 'token' && context.status === 200) {
      meter.count('tokens');
      const { account } = context.oidc;
      if (account !== undefined) meter.active(account.accountId);
    }
  });
}
