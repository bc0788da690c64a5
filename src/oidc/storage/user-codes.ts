import { type Adapter, errors } from 'oidc-provider';
import { ConditionFailed, type Table } from '../../cloud/tables/port.ts';
import { type Clock, epochSeconds } from '../../kernel/clock.ts';
import { artifactKey, fromArtifactItem, isArtifactId, referenceTo, toArtifactItem } from './artifact.ts';

/**
 * Device codes (RFC 8628). The user code leads to one through a pointer item, because an index is never strongly consistent and the person
 * types it seconds after the device has shown it. A pointer whose code is gone points nowhere. Both name each other by reference: the table holds
 * neither of the two codes, and who types the one never meets the other.
 *
 * What somebody decides about a code is one conditional write: of two people who decide at once the first counts, and a code that the device has
 * redeemed is never written again, which would make it new.
 */
export function withUserCodes({
  table,
  clock,
}: {
  table: Table;
  clock: Clock;
}): Pick<Adapter, 'upsert' | 'findByUserCode'> {
  const pointerTo = (userCode: string) => ({ pk: `UserCode#${referenceTo(userCode)}`, sk: 'pointer' });

  return {
    async upsert(id, { userCode = '', ...payload }, expiresIn = 0) {
      const expiresAt = payload.exp ?? epochSeconds(clock) + expiresIn;
      const stored = { ...payload, userCode: referenceTo(userCode) };
      const isDecided = payload.accountId !== undefined || payload.error !== undefined;
      const isNew = payload.inFlight === undefined && !isDecided;
      if (isNew) {
        await table.put({ ...pointerTo(userCode), deviceCode: referenceTo(id), expiresAt });
      }
      try {
        await table.put(
          {
            ...toArtifactItem('DeviceCode', id, stored, expiresAt),
            ...(isDecided ? { decided: true } : {}),
          },
          [
            { attribute: 'consumed', absent: true },
            { attribute: 'decided', absent: true },
          ],
        );
      } catch (error) {
        throw error instanceof ConditionFailed
          ? new errors.InvalidRequest('the code has been used meanwhile')
          : error;
      }
    },

    async findByUserCode(userCode) {
      if (!isArtifactId(userCode)) return undefined;
      const pointer = await table.get(pointerTo(userCode));
      if (!pointer) return undefined;
      const reference = String(pointer.deviceCode);
      const item = await table.get(artifactKey('DeviceCode', reference));
      const payload = fromArtifactItem(item, reference, clock);
      return payload?.userCode === referenceTo(userCode) ? { ...payload, userCode } : undefined;
    },
  };
}
