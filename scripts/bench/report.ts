import { flowNames } from './flows.ts';
import {
  eventLoopCost,
  ratios,
  type Slice,
  type Spread,
  type Summary,
  summarize,
  throughput,
} from './samples.ts';

/** The measured tables in Markdown. `servers` are in the order of a round: the baseline, few tenants, many tenants. */
export function describeResults(
  slices: readonly Slice[],
  [bare, few, many]: readonly [string, string, string],
): string {
  const ofFlow = flowNames.map((flow) => ({ flow, slices: slices.filter((slice) => slice.flow === flow) }));
  const perServer = ofFlow.flatMap(({ flow, slices }) =>
    [bare, few, many].map((name) => [
      flow,
      name,
      ...describeSummary(summarize(slices.filter(({ server }) => server === name))),
    ]),
  );
  const compared = ofFlow.map(({ flow, slices }) => [
    flow,
    ...[throughput, eventLoopCost].flatMap((quantity) => [
      describeSpread(ratios(slices, quantity, few, bare)),
      describeSpread(ratios(slices, quantity, many, few)),
    ]),
  ]);
  const storeCalls = ofFlow.map(({ flow, slices }) => [
    flow,
    ...[few, many].map((name) =>
      describeCalls(summarize(slices.filter(({ server }) => server === name)).storeCalls),
    ),
  ]);
  const pairs = [`${few} / ${bare}`, `${many} / ${few}`];
  return [
    'Throughput, latency, and CPU per request:',
    '',
    ...table(
      ['flow', 'server', 'requests/s', 'p50 ms', 'p99 ms', 'CPU µs, event loop', 'CPU µs, process'],
      perServer,
      2,
    ),
    '',
    'Ratios, least – median – most over the rounds:',
    '',
    ...table(
      ['flow', ...pairs.map((pair) => `requests/s, ${pair}`), ...pairs.map((pair) => `CPU, ${pair}`)],
      compared,
      5,
    ),
    '',
    'Calls to the store per request:',
    '',
    ...table(['flow', few, many], storeCalls, 3),
  ].join('\n');
}

export function describeSummary(summary: Summary): string[] {
  return [
    summary.requestsPerSecond.toFixed(0),
    summary.p50Ms.toFixed(2),
    summary.p99Ms.toFixed(2),
    summary.eventLoopMicros.toFixed(0),
    summary.processMicros.toFixed(0),
  ];
}

function describeSpread({ min, median, max }: Spread): string {
  return [min, median, max].map((ratio) => ratio.toFixed(2)).join(' – ');
}

/** What happens less than once in a thousand requests is left out. */
export function describeCalls(calls: Record<string, number>): string {
  const described = Object.entries(calls)
    .filter(([, count]) => count >= 0.001)
    .toSorted(([, a], [, b]) => b - a)
    .map(([key, count]) => `${Number(count.toFixed(3))} ${key}`);
  return described.length > 0 ? described.join(', ') : 'none';
}

export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  textColumns: number,
): string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => pad(cell, widths[column] ?? 0, column >= textColumns)).join(' | ')} |`;
  const rule = widths.map((width, column) =>
    column >= textColumns ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  );
  return [line(head), line(rule), ...rows.map(line)];
}

function pad(text: string, width: number, right: boolean): string {
  return right ? text.padStart(width) : text.padEnd(width);
}
