import type { Configuration } from 'oidc-provider';
import { maxAccessTokenTtlSeconds } from '../clients/api-resources.ts';
import type { SessionTtl } from './sessions/session-rules.ts';

const minute = 60;
const day = 24 * 60 * minute;

/** Lifetimes in seconds. Sessions live as the tenant's security policy says (B4). */
export const lifetimes = {
  accessToken: 10 * minute,
  idToken: 10 * minute,
  /** RFC 6749 §4.1.2 allows ten minutes at most. */
  authorizationCode: minute,
  /** A refresh token that is not used for so long is of no use any more. */
  refreshTokenIdle: 14 * day,
  /** However often it is rotated, a family ends after so long; the grant lives as long, or rotation would end with it. */
  refreshTokenFamily: 90 * day,
  interaction: 60 * minute,
  deviceCode: 10 * minute,
} as const;

/** Of ID tokens and of JWT access tokens, whatever lifetime a tenant gives to its resources now or gave to them before. */
export const longestTokenSeconds = Math.max(
  lifetimes.idToken,
  lifetimes.accessToken,
  maxAccessTokenTtlSeconds,
);

export function tokenLifetimes(sessionTtl: SessionTtl): NonNullable<Configuration['ttl']> {
  return {
    AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? lifetimes.accessToken,
    ClientCredentials: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? lifetimes.accessToken,
    IdToken: lifetimes.idToken,
    AuthorizationCode: lifetimes.authorizationCode,
    RefreshToken(ctx, token, client) {
      const rotated = ctx.oidc.entities.RotatedRefreshToken;
      const familyLeft = Math.max(1, lifetimes.refreshTokenFamily - token.totalLifetime());
      // A public client's token is nobody's but its bearer's: rotation does not prolong it (RFC 9700 §2.2.2).
      const idle =
        rotated && client.clientAuthMethod === 'none' && !token.isSenderConstrained()
          ? Math.max(1, rotated.remainingTTL)
          : lifetimes.refreshTokenIdle;
      return Math.min(idle, familyLeft);
    },
    DeviceCode: lifetimes.deviceCode,
    Grant: lifetimes.refreshTokenFamily,
    Interaction: lifetimes.interaction,
    Session: sessionTtl,
  };
}
