import type { Clients } from '../../clients/clients.ts';
import type { TenantKeys } from '../../cloud/keys/port.ts';
import { type Clock, epochSeconds } from '../../kernel/clock.ts';
import { type Random, randomId } from '../../kernel/random.ts';
import type { SigningKeyRecord } from '../../kernel/tenant.ts';
import type { Log } from '../../platform/log.ts';
import { isActive } from '../../tenancy/key-lifecycle.ts';
import { type PairwiseSubject, sectorOf } from '../pairwise-subjects.ts';
import type { LogoutDelivery } from './logout-delivery.ts';

/** Tells a client, if it wants to know, that a session has ended in which it was used. Returns at once and never throws. */
export type NotifyLogout = (logout: { clientId: string; accountId: string; sid: string }) => void;

/** Seconds; each attempt gets a token of its own. OpenID Connect Back-Channel Logout 1.0 §4 recommends two minutes at most. */
const tokenLifeSeconds = 120;

/** Logout tokens of one tenant (OpenID Connect Back-Channel Logout 1.0). */
export function createBackchannelLogout({
  issuer,
  keys,
  signingKeys,
  clients,
  pairwiseSubject,
  delivery,
  clock,
  random,
  log,
}: {
  issuer: string;
  keys: Pick<TenantKeys, 'sign'>;
  signingKeys: readonly SigningKeyRecord[];
  clients: Pick<Clients, 'get'>;
  pairwiseSubject: PairwiseSubject;
  delivery: Pick<LogoutDelivery, 'run'>;
  clock: Clock;
  random: Random;
  log: Log;
}): NotifyLogout {
  async function signToken(claims: Readonly<Record<string, unknown>>, wantedAlg?: string): Promise<string> {
    const active = signingKeys.filter(isActive);
    const key = active.find(({ alg }) => alg === wantedAlg) ?? active[0];
    if (!key) throw new Error('the tenant has no active signing key');
    const now = epochSeconds(clock);
    const signed = [
      { alg: key.alg, typ: 'logout+jwt', kid: key.kid },
      {
        iss: issuer,
        iat: now,
        exp: now + tokenLifeSeconds,
        jti: randomId(random),
        events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
        ...claims,
      },
    ]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const signature = await keys.sign(key.reference, key.alg, Buffer.from(signed));
    return `${signed}.${Buffer.from(signature).toString('base64url')}`;
  }

  return ({ clientId, accountId, sid }) => {
    delivery.run(log.child({ client: clientId }), async () => {
      const client = await clients.get(clientId);
      if (client?.backchannelLogoutUri === undefined) return undefined;
      const session = client.backchannelLogoutSessionRequired === true ? { sid } : {};
      const sub =
        client.subjectType === 'pairwise' ? await pairwiseSubject(sectorOf(client), accountId) : accountId;
      return {
        url: client.backchannelLogoutUri,
        makeToken: () => signToken({ sub, aud: clientId, ...session }, client.idTokenSignedResponseAlg),
      };
    });
  };
}
