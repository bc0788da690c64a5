/**
 * Artifacts of the provider as items. What is presented to use one (a code, a token, the value of a cookie) is nowhere in the table: the item lies
 * under the SHA-256 of its id, other items refer to it by the same hash, and where the payload repeats the id a mark stands for it, which whoever
 * presents the id replaces again. Ids have at least 126 random bits, so a fast hash is enough for them.
 */
import { createHash } from 'node:crypto';
import type { AdapterPayload } from 'oidc-provider';
import type { Item, ItemKey } from '../../cloud/tables/port.ts';
import { type Clock, epochSeconds } from '../../kernel/clock.ts';

const referenceForm = /^sha256:[A-Za-z0-9_-]{43}$/;

/** Models whose ids are names: nobody gains anything by presenting one. */
const namedModels: readonly string[] = ['Grant', 'ReplayDetection'];

/** JSON escapes every control character, so a payload has none but this. */
const ownId = '\u0001';

/** Ids come from requests as they are: only what the provider's own generator can have made is worth a read, and a valid key. */
export function isArtifactId(id: string): boolean {
  return /^[A-Za-z0-9_-]{1,128}$/.test(id);
}

/** What names the artifact of an id to other items. It is no id (`isArtifactId`), and cannot be presented as one. Of a reference: itself. */
export function referenceTo(id: string): string {
  return isReference(id) ? id : `sha256:${createHash('sha256').update(id).digest('base64url')}`;
}

export function isReference(id: string): boolean {
  return referenceForm.test(id);
}

/** Where the artifact of a model lies, by its id or by a reference to it. */
export function artifactKey(model: string, id: string): ItemKey {
  return { pk: `${model}#${namedModels.includes(model) ? id : referenceTo(id)}`, sk: 'artifact' };
}

/**
 * The payload stays one JSON string; only what conditions and the index need stands beside it. An interaction names the grant that a session brought to
 * it, but is not issued under it: it outlives the session, so that whoever has just reset the password can go on.
 */
export function toArtifactItem(model: string, id: string, payload: AdapterPayload, expiresAt: number): Item {
  const key = artifactKey(model, id);
  return {
    ...key,
    payload: JSON.stringify(payload).replaceAll(id, ownId),
    expiresAt,
    ...(payload.grantId === undefined || model === 'Interaction'
      ? {}
      : { gsi1pk: grantIndexKey(payload.grantId), gsi1sk: key.pk }),
  };
}

/** The partition of the index that holds everything issued under a grant. */
export function grantIndexKey(grantId: string): string {
  return `Grant#${grantId}`;
}

/** What was stored, with the id by which it was found in its place. */
export function payloadOf(item: Item, id: string): AdapterPayload {
  return JSON.parse(String(item.payload).replaceAll(ownId, id)) as AdapterPayload;
}

/** The payload of a stored artifact, or `undefined` when its time in the store is over: the store's own clean-up comes later. */
export function fromArtifactItem(
  item: Item | undefined,
  id: string,
  clock: Clock,
): AdapterPayload | undefined {
  if (item?.expiresAt === undefined || item.expiresAt <= epochSeconds(clock)) {
    return undefined;
  }
  const payload = payloadOf(item, id);
  return typeof item.consumed === 'number' ? { ...payload, consumed: item.consumed } : payload;
}
