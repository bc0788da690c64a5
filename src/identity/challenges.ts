import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { ConditionFailed, type Table } from '../cloud/tables/port.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';

/** What a passkey is asked to sign; a challenge of one purpose is nothing to another. */
export type ChallengePurpose = 'passkey-registration' | 'passkey-sign-in' | 'passkey-second-factor';

/** To whom a challenge belongs. */
export interface ChallengeOwner {
  purpose: ChallengePurpose;
  /** A secret of the browser's sign-in or session that never leaves the server: another browser's challenge does not fit. */
  ticket: string;
  /** When the account is known already. */
  accountId?: string;
}

export interface Challenges {
  /** base64url. Writes nothing: a sign-in page is shown far more often than a passkey answers it. */
  issue(owner: ChallengeOwner): string;
  /** Uses the challenge up. True once, within ten minutes, for the owner it was issued to, in this tenant. */
  redeem(challenge: string, owner: ChallengeOwner): Promise<boolean>;
}

/** How long a person may take to answer, in seconds. */
export const challengeSeconds = 600;

/**
 * Challenges for passkeys: 128 random bits and the time, authenticated under the ticket. That one counts once is a conditional write, which
 * remembers it for as long as it would be valid.
 */
export function createChallenges({
  table,
  clock,
  random,
}: {
  table: Table;
  clock: Clock;
  random: Random;
}): Challenges {
  return {
    issue(owner) {
      const head = Buffer.alloc(nonceBytes + timeBytes);
      random.bytes(nonceBytes).copy(head);
      head.writeUIntBE(epochSeconds(clock), nonceBytes, timeBytes);
      return Buffer.concat([head, proofOf(head, owner)]).toString('base64url');
    },

    async redeem(challenge, owner) {
      const bytes = Buffer.from(challenge, 'base64url');
      if (bytes.length !== nonceBytes + timeBytes + proofBytes || bytes.toString('base64url') !== challenge) {
        return false;
      }
      const head = bytes.subarray(0, nonceBytes + timeBytes);
      const expiresAt = head.readUIntBE(nonceBytes, timeBytes) + challengeSeconds;
      const isOurs = timingSafeEqual(bytes.subarray(head.length), proofOf(head, owner));
      if (!isOurs || expiresAt <= epochSeconds(clock)) {
        return false;
      }
      const digest = createHash('sha256').update(bytes).digest('base64url');
      try {
        await table.put({ pk: `UsedChallenge#${digest}`, sk: 'used', expiresAt }, [{ exists: false }]);
        return true;
      } catch (error) {
        if (error instanceof ConditionFailed) {
          return false;
        }
        throw error;
      }
    },
  };
}

const nonceBytes = 16;
const timeBytes = 6;
const proofBytes = 32;

function proofOf(head: Buffer, { purpose, ticket, accountId = '' }: ChallengeOwner): Buffer {
  return createHmac('sha256', ticket).update(`challenge\0${purpose}\0${accountId}\0`).update(head).digest();
}
