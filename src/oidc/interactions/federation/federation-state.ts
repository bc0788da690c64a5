import { createHash } from 'node:crypto';
import { ConditionFailed, type ItemKey, type Table } from '../../../cloud/tables/port.ts';
import { type Clock, epochSeconds } from '../../../kernel/clock.ts';
import { type Random, randomId } from '../../../kernel/random.ts';
import type { FreshRequest } from './fresh-sign-in.ts';

/** A browser that was sent to a sign-in source, and what its answer must fit. */
export interface FederationState {
  /** Of the interaction that the browser left, if it left one. */
  uid?: string;
  /** Who left the account area, to add the source to the account. */
  owner?: { accountId: string; sessionUid: string };
  sourceId: string;
  nonce: string;
  /** RFC 7636. */
  codeVerifier: string;
  /** Absent: any sign-in there will do. */
  fresh?: FreshRequest;
}

export interface FederationStates {
  /** Makes nonce and verifier; answers them with the value of the parameter `state`. */
  begin(
    request: Pick<FederationState, 'uid' | 'owner' | 'sourceId' | 'fresh'>,
  ): Promise<FederationState & { state: string }>;
  peek(state: string): Promise<FederationState | undefined>;
  /** Uses the state up: of several calls at once exactly one gets it. */
  consume(state: string): Promise<FederationState | undefined>;
}

/** How long somebody may take to sign in elsewhere; an interaction of ours lives as long. */
const stateSeconds = 15 * 60;

/** Single-use states, known by their hash only. */
export function createFederationStates({
  table,
  clock,
  random,
}: {
  table: Table;
  clock: Clock;
  random: Random;
}): FederationStates {
  async function peek(state: string): Promise<FederationState | undefined> {
    const item = statePattern.test(state) ? await table.get(keyOf(state)) : undefined;
    return item && (item.expiresAt ?? 0) > epochSeconds(clock)
      ? (JSON.parse(String(item.document)) as FederationState)
      : undefined;
  }

  return {
    async begin(request) {
      const state = randomId(random, 32);
      const made = { ...request, nonce: randomId(random, 32), codeVerifier: randomId(random, 32) };
      await table.put({
        ...keyOf(state),
        document: JSON.stringify(made),
        expiresAt: epochSeconds(clock) + stateSeconds,
      });
      return { ...made, state };
    },

    peek,

    async consume(state) {
      const found = await peek(state);
      if (found === undefined) {
        return undefined;
      }
      try {
        await table.delete(keyOf(state), [{ exists: true }]);
      } catch (error) {
        if (error instanceof ConditionFailed) {
          return undefined;
        }
        throw error;
      }
      return found;
    },
  };
}

const statePattern = /^[A-Za-z0-9_-]{43}$/;

function keyOf(state: string): ItemKey {
  return { pk: `Federation#${createHash('sha256').update(state).digest('base64url')}`, sk: 'state' };
}
