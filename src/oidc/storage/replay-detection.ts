import { createHash } from 'node:crypto';
import { decodeJwt } from 'jose';
import { errors, Provider } from 'oidc-provider';
import type { Table } from '../../cloud/tables/port.ts';
import { artifactKey } from './artifact.ts';
import { putOnce } from './consume-once.ts';
import type { TokenRequestWrites } from './token-request-writes.ts';

/**
 * Replaces the provider's look-up-then-save by one conditional write, so that a DPoP proof or an assertion that arrives twice at the same time
 * is accepted once (RFC 9449 §11.1, RFC 7523 §3). In a token request the write waits with the others (`token-request-writes`), and only a look
 * that finds the earlier use is taken at once: a replay costs no signature.
 */
export function installReplayDetection(
  provider: Provider,
  { table, writes }: { table: Table; writes: Pick<TokenRequestWrites, 'pending'> },
): void {
  /** True the first time `jti` of `iss` is seen; `exp` is in epoch seconds. */
  async function unique(iss: string, jti: string, exp: number): Promise<boolean> {
    const id = createHash('sha256')
      .update(JSON.stringify([iss, jti]))
      .digest('base64url');
    const item = { ...artifactKey('ReplayDetection', id), expiresAt: exp };
    const pending = writes.pending();
    if (!pending) return putOnce(table, item);
    const isNoted = pending.firstUses.some((noted) => noted.item.pk === item.pk);
    if (isNoted || (await table.get(item)) !== undefined) return false;
    pending.firstUses.push({ item, refusal: refusalOf(jti) });
    return true;
  }
  Object.assign(provider.ReplayDetection, { unique });
}

/** As the provider itself refuses the two: an assertion authenticates the client, a proof belongs to the grant. */
function refusalOf(jti: string): errors.OIDCProviderError {
  const assertion = Provider.ctx?.oidc.params?.client_assertion;
  return typeof assertion === 'string' && decodeJwt(assertion).jti === jti
    ? new errors.InvalidClientAuth('client assertion tokens must only be used once')
    : new errors.InvalidGrant('DPoP proof JWT Replay detected');
}
