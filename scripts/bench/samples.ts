import type { FlowName } from './flows.ts';
import type { Usage } from './measured-server.ts';

/** What one server did in one slice of one round. */
export interface Slice {
  flow: FlowName;
  server: string;
  round: number;
  requests: number;
  elapsedMs: number;
  latenciesMs: readonly number[];
  /** What the server used meanwhile. */
  used: Usage;
}

/** Everything measured of one flow on one server. */
export interface Summary {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  eventLoopMicros: number;
  processMicros: number;
  /** Per request. */
  storeCalls: Record<string, number>;
}

export function usedBetween(before: Usage, after: Usage): Usage {
  return {
    eventLoopMicros: after.eventLoopMicros - before.eventLoopMicros,
    processMicros: after.processMicros - before.processMicros,
    storeCalls: Object.fromEntries(
      Object.entries(after.storeCalls).map(([key, count]) => [key, count - (before.storeCalls[key] ?? 0)]),
    ),
  };
}

/** Over all rounds; times and calls per request. */
export function summarize(slices: readonly Slice[]): Summary {
  const requests = sum(slices.map((slice) => slice.requests));
  const latencies = slices.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b);
  const keys = new Set(slices.flatMap(({ used }) => Object.keys(used.storeCalls)));
  return {
    requestsPerSecond: (requests * 1000) / sum(slices.map(({ elapsedMs }) => elapsedMs)),
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    eventLoopMicros: sum(slices.map(({ used }) => used.eventLoopMicros)) / requests,
    processMicros: sum(slices.map(({ used }) => used.processMicros)) / requests,
    storeCalls: Object.fromEntries(
      [...keys].map((key) => [key, sum(slices.map(({ used }) => used.storeCalls[key] ?? 0)) / requests]),
    ),
  };
}

export interface Spread {
  min: number;
  median: number;
  max: number;
}

/** Requests per second. */
export const throughput = ({ requests, elapsedMs }: Slice): number => (requests * 1000) / elapsedMs;

/** CPU of the event loop per request, in microseconds: what a request costs, whatever else keeps the machine busy. */
export const eventLoopCost = ({ requests, used }: Slice): number => used.eventLoopMicros / requests;

/** `quantity` of `server` over that of `base`, round by round: each ratio compares slices that ran one after the other. */
export function ratios(
  slices: readonly Slice[],
  quantity: (slice: Slice) => number,
  server: string,
  base: string,
): Spread {
  const byRound = (name: string) =>
    new Map(slices.filter((slice) => slice.server === name).map((slice) => [slice.round, quantity(slice)]));
  const ofBase = byRound(base);
  const sorted = [...byRound(server)]
    .map(([round, value]) => value / (ofBase.get(round) ?? Number.NaN))
    .sort((a, b) => a - b);
  return { min: sorted.at(0) ?? 0, median: quantile(sorted, 0.5), max: sorted.at(-1) ?? 0 };
}

export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
