import { Gauge } from 'prom-client';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

/** What a quota counts, as `provisioning` has it. */
export interface QuotaFigures {
  /** `tables`. */
  resource: string;
  limit: number;
  /** Of whatever the quota is of, such as the account. */
  used(): Promise<number>;
  /** Those of this deployment. */
  usedHere?: () => Promise<number>;
}

/** Counting costs calls to services that have quotas of their own. */
const keptMs = 5 * 60_000;

/**
 * How much of each quota is used. What is counted is counted beside the scrape, at most every five minutes and only where somebody scrapes; a
 * figure that has not been read yet, or cannot be read any more, is absent.
 */
export function watchQuotas(
  { registry }: Pick<Metrics, 'registry'>,
  quotas: readonly QuotaFigures[],
  log: Log,
): void {
  const registers = [registry];
  const counts = {
    used: quotas.map(({ resource, used }) => createCount(resource, used, log)),
    usedHere: quotas.flatMap(({ resource, usedHere }) =>
      usedHere === undefined ? [] : [createCount(resource, usedHere, log)],
    ),
  };

  const limits = new Gauge({
    name: 'tenantry_quota_limit',
    help: 'How many there may be before provisioning begins no further tenant that needs one, by resource.',
    labelNames: ['resource'],
    registers,
  });
  for (const { resource, limit } of quotas) limits.set({ resource }, limit);
  for (const { name, help, of } of [
    {
      name: 'tenantry_quota_used',
      help: 'How many there are, whoever made them, by resource.',
      of: counts.used,
    },
    {
      name: 'tenantry_quota_used_by_deployment',
      help: 'How many of them are of this deployment, by resource.',
      of: counts.usedHere,
    },
  ]) {
    new Gauge({
      name,
      help,
      labelNames: ['resource'],
      registers,
      collect() {
        this.reset();
        for (const { resource, latest } of of) {
          const count = latest();
          if (count !== undefined) this.set({ resource }, count);
        }
      },
    });
  }
}

/** `latest` is what was counted last, and begins to count anew when that is too long ago. */
function createCount(resource: string, count: () => Promise<number>, log: Log) {
  let known: number | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;

  function latest(): number | undefined {
    const now = performance.now();
    if (now - askedAt > keptMs) {
      askedAt = now;
      count().then(
        (counted) => {
          known = counted;
        },
        (error: unknown) => {
          known = undefined;
          log.warn({ err: error, resource }, 'the use of a quota could not be counted');
        },
      );
    }
    return known;
  }

  return { resource, latest };
}
