/** What becomes of a stored client by a change; pure, so that a change that lost a race is simply made again. */
import type { ClientDocument } from './client-input.ts';
import { type ClientRecord, describedBy, type StoredClient } from './client-item.ts';
import { hashClientSecret } from './client-secret.ts';
import { isConfidential } from './client-type.ts';

type Next = Omit<StoredClient, 'revision'>;

export function wantsSecret({ type, tokenEndpointAuthMethod }: ClientRecord): boolean {
  return isConfidential(type) && tokenEndpointAuthMethod !== 'private_key_jwt';
}

/** The client with another document. Who wants a secret and has none gets `secret`; who wants none any more loses it. */
export function withDocument(
  { client, credentials }: StoredClient,
  document: ClientDocument,
  { at, secret }: { at: string; secret: string },
): { next: Next; usedSecret: boolean } {
  const changed = describedBy(document, { ...client, updatedAt: at });
  if (wantsSecret(changed)) {
    const usedSecret = credentials.secretHash === undefined;
    const own = usedSecret ? { ...credentials, secretHash: hashClientSecret(secret) } : credentials;
    return { next: { client: changed, credentials: own }, usedSecret };
  }
  const { formerSecretUntil: _, ...rest } = changed;
  const { secretHash: __, formerSecretHash: ___, ...others } = credentials;
  return { next: { client: rest, credentials: others }, usedSecret: false };
}

/** The client with a new secret; the present one counts until `formerUntil`, if that is given. */
export function withNewSecret(
  { client, credentials }: StoredClient,
  { at, secret, formerUntil }: { at: string; secret: string; formerUntil: string | undefined },
): Next {
  const { formerSecretUntil: _, ...kept } = client;
  const { secretHash, formerSecretHash: __, ...others } = credentials;
  const next = { ...kept, updatedAt: at };
  const own = { ...others, secretHash: hashClientSecret(secret) };
  return formerUntil === undefined || secretHash === undefined
    ? { client: next, credentials: own }
    : {
        client: { ...next, formerSecretUntil: formerUntil },
        credentials: { ...own, formerSecretHash: secretHash },
      };
}

/** The client with its present secret alone. */
export function withoutFormerSecret({ client, credentials }: StoredClient, at: string): Next {
  const { formerSecretUntil: _, ...kept } = client;
  const { formerSecretHash: __, ...others } = credentials;
  return { client: { ...kept, updatedAt: at }, credentials: others };
}
