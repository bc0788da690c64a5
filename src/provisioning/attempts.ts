import { setTimeout as sleep } from 'node:timers/promises';
import { isPassingFault } from '../cloud/sdk-faults.ts';
import { AppError } from '../kernel/errors.ts';
import type { Random } from '../kernel/random.ts';
import { UnusableResult } from './step.ts';

/** How often a step or its undo is tried in a row, and how long to wait in between. */
export interface AttemptPolicy {
  maxAttempts: number;
  /** Milliseconds before the attempt with this number (2, 3, …). */
  delayMs(attempt: number): number;
  /** Rejects with the signal's reason when it aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** Five attempts over about eight seconds, with full jitter above half so that workers do not move in step. */
export function createAttemptPolicy(random: Random): AttemptPolicy {
  return {
    maxAttempts: 5,
    delayMs: (attempt) => {
      const longest = Math.min(500 * 2 ** (attempt - 2), 10_000);
      return longest / 2 + (longest / 2) * (random.bytes(2).readUInt16BE() / 65_535);
    },
    wait: (ms, signal) => sleep(ms, undefined, { signal }),
  };
}

/** A step waits for something outside to answer again; its run is to be taken up anew after `afterMs`. */
export class StepWaits extends Error {
  override readonly name = 'StepWaits';
  readonly afterMs: number;

  constructor(step: string, afterMs: number) {
    super(`the provisioning step ${step} cannot be done at the moment`);
    this.afterMs = afterMs;
  }
}

/** The longer it has been failing, the rarer it is tried: after 5 seconds at first, each minute in the end. */
export function comesAgainMs(failingMs: number): number {
  return Math.min(Math.max(failingMs, 5_000), 60_000);
}

/** True for what is expected to pass by itself, however long it takes: an outage, throttling, the network. */
export function isPassing(error: unknown): boolean {
  return error instanceof AppError
    ? error.code === 'temporarily_unavailable' || error.code === 'rate_limited'
    : error instanceof Error && isPassingFault(error);
}

/**
 * True when a further try cannot help. Errors of an unknown kind may be a network's, and a `conflict` is another writer who was faster, so
 * they are tried again.
 */
export function isPermanent(error: unknown): boolean {
  return (
    error instanceof UnusableResult ||
    (error instanceof AppError && error.status < 500 && error.code !== 'conflict' && !isPassing(error))
  );
}

/** What the run record, the requester and the operators may read of an error; the log has the rest. */
export function publicReason(error: unknown): string {
  return error instanceof AppError || error instanceof UnusableResult
    ? error.message
    : 'An unexpected error occurred.';
}
