/**
 * The outbox: what has to leave the deployment because of a change, and may only when the change has committed: mail (B12, D8) and webhook
 * messages (B13). Owns the messages, their attempts and when the next one is due; `mail-channel.ts` and `webhook-channel.ts` know how to
 * deliver. Does not decide what is told to whom: callers write messages in the transaction of the change.
 *
 * Flow: message written (`waiting`) → a worker claims it → one attempt → `delivered`, or `waiting` until a later moment, or `dead` when it
 * can never succeed or has failed for days. Delivery is at least once: a process that ends during an attempt leaves the message to another.
 * One webhook gets one message at a time, and nobody's messages take all the room (`lanes.ts`): mail never waits for webhooks, and of what is
 * due, owners who have nothing under way come first. So a slow receiver holds up nobody but its owner; order is not promised.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { Random } from '../kernel/random.ts';
import type { Log } from '../platform/log.ts';
import type { Postgres } from '../platform/postgres.ts';
import { type Repetition, repeat } from '../platform/repeat.ts';
import { createLanes } from './lanes.ts';
import {
  type ChannelName,
  type ClaimedMessage,
  claimMessage,
  claimMessageById,
  type NextState,
  removeFinished,
  settleMessage,
} from './messages.ts';

/** Delivers messages of one kind. */
export interface Channel {
  /** Messages that may be under way at once, in all and of one owner. */
  room: { atOnce: number; perOwner: number };
  /** Resolves when the message has arrived. `Undeliverable` when no later attempt can succeed. */
  deliver(message: ClaimedMessage, signal: AbortSignal): Promise<{ status?: number }>;
}

export class Undeliverable extends Error {
  override readonly name = 'Undeliverable';
}

/** An attempt that failed, with the HTTP status that it got. */
export class DeliveryFailed extends Error {
  override readonly name = 'DeliveryFailed';
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

export type DeliveryOutcome = 'delivered' | 'failed' | 'dead';

export interface Outbox {
  /** Begins to deliver what is due, until `stop`. */
  start(): void;
  stop(): Promise<void>;
  /** After a commit: what is new need not wait for the next look. */
  wake(): void;
  /** Makes an attempt at one message now, if it waits and nobody else is at it. Never rejects for a failed attempt. */
  deliverNow(id: string): Promise<void>;
  /** One round: delivers everything that is due now. */
  deliverDue(signal?: AbortSignal): Promise<void>;
}

export interface OutboxOptions {
  postgres: Postgres;
  channels: Readonly<Record<ChannelName, Channel>>;
  clock: Clock;
  random: Random;
  log: Log;
  onAttempt?: (channel: ChannelName, outcome: DeliveryOutcome) => void;
}

/** Waits after failed attempts, in seconds: eleven attempts over about three days. */
const backoffSeconds = [10, 60, 300, 900, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600, 24 * 3_600, 24 * 3_600];
const pollMs = 1_000;
const attemptTimeoutMs = 30_000;
const keepDeliveredMs = 30 * 86_400_000;
const keepDeadMs = 90 * 86_400_000;

export function createOutbox(options: OutboxOptions): Outbox {
  const { postgres, channels, clock, random, log, onAttempt = () => {} } = options;
  const lanes = { mail: createLanes(channels.mail.room), webhook: createLanes(channels.webhook.room) };
  /** Attempts that have ended. */
  let settled = 0;
  let repetitions: readonly Repetition[] | undefined;
  let cleanAfterMs = 0;

  /** Full jitter in the last fifth, so that what failed together does not come back together. */
  function nextAttempt(tries: number): NextState {
    const seconds = backoffSeconds[tries - 1];
    if (seconds === undefined) {
      return { state: 'dead' };
    }
    const jitter = 0.8 + (0.2 * random.bytes(2).readUInt16BE()) / 65_535;
    return { state: 'waiting', at: new Date(clock.now() + seconds * 1_000 * jitter) };
  }

  async function attempt(message: ClaimedMessage, stopping: AbortSignal): Promise<void> {
    const startedAt = new Date(clock.now());
    const began = performance.now();
    let status: number | undefined;
    let error: string | undefined;
    let next: NextState = { state: 'delivered' };
    try {
      const signal = AbortSignal.any([stopping, AbortSignal.timeout(attemptTimeoutMs)]);
      ({ status } = await channels[message.channel].deliver(message, signal));
    } catch (cause) {
      error = reasonOf(cause);
      status = cause instanceof DeliveryFailed ? cause.status : undefined;
      next = isFinal(cause) ? { state: 'dead' } : nextAttempt(message.tries);
      if (stopping.aborted) {
        next = { state: 'waiting', at: startedAt };
      }
      log.warn(
        { err: cause, message: message.id, topic: message.topic, attempt: message.attempt, next: next.state },
        'a message could not be delivered',
      );
    }
    const record = {
      startedAt,
      milliseconds: Math.round(performance.now() - began),
      ...(status === undefined ? {} : { status }),
      ...(error === undefined ? {} : { error }),
    };
    await postgres.transaction((transaction) => settleMessage(transaction, message, record, next));
    onAttempt(message.channel, next.state === 'waiting' ? 'failed' : next.state);
  }

  async function attemptInLane(message: ClaimedMessage, signal: AbortSignal): Promise<void> {
    const end = lanes[message.channel].begin(message);
    try {
      await attempt(message, signal);
    } catch (error) {
      log.warn(
        { err: error, message: message.id },
        'an attempt could not be recorded; there will be another',
      );
    } finally {
      settled += 1;
      end();
    }
  }

  /** What has been due for longest, of those who have least under way. */
  async function claim(channel: ChannelName): Promise<ClaimedMessage | undefined> {
    const { hasRoom, busyWebhooks, busyOwners } = lanes[channel];
    if (!hasRoom()) {
      return undefined;
    }
    const wanted = { channel, now: new Date(clock.now()), busyWebhooks: busyWebhooks() };
    const idle = busyOwners({ fair: true });
    const message = await claimMessage(postgres, { ...wanted, busyOwners: idle });
    return message !== undefined || idle.length === 0
      ? message
      : claimMessage(postgres, { ...wanted, busyOwners: busyOwners({ fair: false }) });
  }

  async function deliverChannel(channel: ChannelName, signal: AbortSignal): Promise<void> {
    const attempts = new Set<Promise<void>>();
    while (!signal.aborted) {
      const settledBefore = settled;
      const message = await claim(channel);
      if (message !== undefined) {
        const running = attemptInLane(message, signal).finally(() => attempts.delete(running));
        attempts.add(running);
        continue;
      }
      if (settled !== settledBefore) {
        // A lane that was left out has come free meanwhile.
        continue;
      }
      if (attempts.size === 0) {
        break;
      }
      // What becomes due meanwhile does not wait for a slow receiver either.
      const look = delay(pollMs, undefined, { signal, ref: false }).catch(() => {});
      await Promise.race([...attempts, look]);
    }
    await Promise.all(attempts);
  }

  async function deliverDue(signal: AbortSignal = new AbortController().signal): Promise<void> {
    await Promise.all([deliverChannel('mail', signal), deliverChannel('webhook', signal)]);
  }

  async function clean(): Promise<void> {
    const now = clock.now();
    if (now >= cleanAfterMs) {
      await removeFinished(postgres, {
        deliveredBefore: new Date(now - keepDeliveredMs),
        deadBefore: new Date(now - keepDeadMs),
      });
      cleanAfterMs = now + 600_000;
    }
  }

  return {
    deliverDue,

    async deliverNow(id) {
      const message = await claimMessageById(postgres, { id, now: new Date(clock.now()) });
      if (message !== undefined) {
        await attemptInLane(message, new AbortController().signal);
      }
    },

    // A round of each channel by itself: one of webhooks may last as long as the slowest receiver.
    start() {
      repetitions ??= [
        repeat((signal) => deliverChannel('webhook', signal), {
          what: 'looking for webhook messages to deliver',
          everyMs: pollMs,
          log,
        }),
        repeat(
          async (signal) => {
            await deliverChannel('mail', signal);
            await clean();
          },
          { what: 'looking for mail to deliver', everyMs: pollMs, log },
        ),
      ];
    },

    wake() {
      for (const repetition of repetitions ?? []) repetition.wake();
    },

    async stop() {
      await Promise.all((repetitions ?? []).map((repetition) => repetition.stop()));
      repetitions = undefined;
    },
  };
}

function isFinal(error: unknown): boolean {
  return (
    error instanceof Undeliverable || (error instanceof AppError && error.code !== 'temporarily_unavailable')
  );
}

/** Kept with the attempt and shown to operators. Texts of unknown errors may quote what was sent. */
function reasonOf(error: unknown): string {
  if (error instanceof AppError || error instanceof Undeliverable || error instanceof DeliveryFailed) {
    return error.message;
  }
  return 'An unexpected error occurred.';
}
