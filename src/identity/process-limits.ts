import type { TenantId } from '../kernel/ids.ts';
import { createRateLimit } from '../web/rate-limit.ts';
import type { LanePlace } from './attempt-lanes.ts';

type TenantPlace = LanePlace & { tenantId: TenantId };

/** The first stage of all attempt limits: counted in the process, and so without a call. */
export interface ProcessLimits {
  /** Counts the attempt; `AppError('rate_limited')` when there were too many. */
  take(place: TenantPlace): Promise<void>;
  /** After a success: what was mistyped on the way there is forgiven, for that subject at that network. */
  forgive(place: TenantPlace): Promise<void>;
}

/** Bounds bursts, above all parallel ones that arrive before the first of them has failed. One for all tenants of the process. */
export function createProcessLimits({ attemptsPerMinute }: { attemptsPerMinute: number }): ProcessLimits {
  const bySubjectAndNetwork = createRateLimit({ points: attemptsPerMinute, durationSeconds: 60 });
  const byNetwork = createRateLimit({ points: attemptsPerMinute * 10, durationSeconds: 60 });

  function keysOf({ tenantId, purpose, subject, network, deviceId }: TenantPlace) {
    return {
      subjectAndNetwork: `${tenantId} ${purpose} ${subject} ${deviceId ?? network}`,
      network: `${tenantId} ${network}`,
    };
  }

  return {
    async take(place) {
      const keys = keysOf(place);
      await byNetwork.take(keys.network);
      await bySubjectAndNetwork.take(keys.subjectAndNetwork);
    },
    async forgive(place) {
      await bySubjectAndNetwork.reset(keysOf(place).subjectAndNetwork);
    },
  };
}
