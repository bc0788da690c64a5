import { LRUCache } from 'lru-cache';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';

/** What a failure says about its key: nothing (`ignore`), maybe something (`count`), or that it is out of service (`trip`). */
export type Verdict = 'ignore' | 'count' | 'trip';

/**
 * Keeps the trouble of one tenant's key to itself: a key that keeps failing, or holds too many calls at once, is refused at once instead of
 * taking time, connections and retries from the others.
 */
export interface Breaker {
  /**
   * Runs `work` unless the circuit of `key` is open. An open one throws what last went wrong, with `Retry-After` in seconds until the
   * next probe when a retry may help.
   */
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** How many keys are refused right now. */
  open(): number;
}

export interface BreakerOptions {
  clock: Clock;
  judge: (error: unknown) => Verdict;
  /** Failures in a row that open the circuit. */
  failures?: number;
  /** First pause; each failed probe doubles it up to `maxPauseMs`. */
  pauseMs?: number;
  maxPauseMs?: number;
  /** Calls of one key that may run at once. */
  maxConcurrent?: number;
  /** Keys whose state is remembered. */
  maxKeys?: number;
  onChange?: (change: { key: string; state: 'open' | 'closed'; error?: unknown }) => void;
}

interface Circuit {
  running: number;
  failures: number;
  pauseMs: number;
  /** Set while open: when the next probe may run. */
  probeAt?: number;
  probing: boolean;
  lastError: unknown;
}

export function createBreaker(options: BreakerOptions): Breaker {
  const { clock, judge, failures = 5, pauseMs = 5_000, maxPauseMs = 60_000, maxConcurrent = 64 } = options;
  const circuits = new LRUCache<string, Circuit>({ max: options.maxKeys ?? 10_000 });

  function circuitOf(key: string): Circuit {
    const known = circuits.get(key);
    if (known !== undefined) {
      return known;
    }
    const fresh: Circuit = { running: 0, failures: 0, pauseMs, probing: false, lastError: undefined };
    circuits.set(key, fresh);
    return fresh;
  }

  function admit(circuit: Circuit): void {
    if (circuit.probeAt !== undefined) {
      const remainingMs = circuit.probeAt - clock.now();
      if (remainingMs > 0 || circuit.probing) {
        throw withRetryAfter(circuit.lastError, Math.max(1, Math.ceil(remainingMs / 1_000)));
      }
      circuit.probing = true;
    } else if (circuit.running >= maxConcurrent) {
      throw new AppError('temporarily_unavailable', 'The key store cannot answer at the moment.', {
        headers: { 'Retry-After': '1' },
        detail: `${maxConcurrent} calls with one key are under way`,
      });
    }
    circuit.running += 1;
  }

  function succeeded(key: string, circuit: Circuit): void {
    if (circuit.probeAt !== undefined) {
      delete circuit.probeAt;
      options.onChange?.({ key, state: 'closed' });
    }
    circuit.failures = 0;
    circuit.pauseMs = pauseMs;
    circuit.lastError = undefined;
  }

  function failed(key: string, circuit: Circuit, error: unknown): void {
    const verdict = judge(error);
    if (verdict === 'ignore') {
      return;
    }
    circuit.failures += 1;
    circuit.lastError = error;
    const wasOpen = circuit.probeAt !== undefined;
    if (!wasOpen && verdict === 'count' && circuit.failures < failures) {
      return;
    }
    // A call that began before the circuit opened says nothing new.
    if (wasOpen && !circuit.probing) {
      return;
    }
    circuit.probeAt = clock.now() + circuit.pauseMs;
    circuit.pauseMs = Math.min(circuit.pauseMs * 2, maxPauseMs);
    if (!wasOpen) {
      options.onChange?.({ key, state: 'open', error });
    }
  }

  return {
    async run(key, work) {
      const circuit = circuitOf(key);
      admit(circuit);
      const probe = circuit.probing;
      try {
        const result = await work();
        if (probe || circuit.probeAt === undefined) {
          succeeded(key, circuit);
        }
        return result;
      } catch (error) {
        failed(key, circuit, error);
        throw error;
      } finally {
        circuit.running -= 1;
        if (probe) {
          circuit.probing = false;
        }
      }
    },

    open: () => [...circuits.values()].filter(({ probeAt }) => probeAt !== undefined).length,
  };
}

/** What went wrong, as news for another caller; the code stays. */
function withRetryAfter(error: unknown, seconds: number): unknown {
  if (!(error instanceof AppError) || error.code !== 'temporarily_unavailable') {
    return error;
  }
  return new AppError(error.code, error.message, {
    headers: { 'Retry-After': String(seconds) },
    detail: `circuit open after: ${error.detail}`,
    cause: error.cause,
  });
}
