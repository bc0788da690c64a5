import type { CpuShares } from './cpu-shares.ts';
import { flowNames } from './flows.ts';
import { describeCalls, describeSummary, table } from './report.ts';
import { type Slice, summarize } from './samples.ts';

/** The measured tables in Markdown, `servers` side by side. */
export function describeServers(slices: readonly Slice[], servers: readonly string[]): string {
  const summaries = flowNames.map((flow) => ({
    flow,
    ofServers: servers.map((server) => ({
      server,
      summary: summarize(slices.filter((slice) => slice.flow === flow && slice.server === server)),
    })),
  }));
  return [
    'Throughput, latency, and CPU per request:',
    '',
    ...table(
      ['flow', 'keys', 'requests/s', 'p50 ms', 'p99 ms', 'CPU µs, event loop', 'CPU µs, process'],
      summaries.flatMap(({ flow, ofServers }) =>
        ofServers.map(({ server, summary }) => [flow, server, ...describeSummary(summary)]),
      ),
      2,
    ),
    '',
    'Calls to DynamoDB and KMS per request:',
    '',
    ...table(
      ['flow', ...servers],
      summaries.map(({ flow, ofServers }) => [
        flow,
        ...ofServers.map(({ summary }) => describeCalls(summary.storeCalls)),
      ]),
      1 + servers.length,
    ),
  ].join('\n');
}

/** Whose code the time of a flow goes to, in per cent of the time that is not idle. */
export function describeCpuShares(sharesByServer: ReadonlyMap<string, CpuShares>, flow: string): string {
  const percent = new Map(
    [...sharesByServer].map(([server, shares]) => {
      const total = shares.reduce((sum, [, micros]) => sum + micros, 0);
      return [server, new Map(shares.map(([owner, micros]) => [owner, (100 * micros) / total]))] as const;
    }),
  );
  const servers = [...percent.keys()];
  const shareOf = (owner: string, server: string) => percent.get(server)?.get(owner) ?? 0;
  const owners = [...new Set([...percent.values()].flatMap((shares) => [...shares.keys()]))]
    .filter((owner) => servers.some((server) => shareOf(owner, server) >= 1))
    .toSorted((a, b) => shareOf(b, servers[0] ?? '') - shareOf(a, servers[0] ?? ''));
  return [
    `CPU of the event loop's thread in flow “${flow}”, in per cent; what Node does is counted for whoever asked for it:`,
    '',
    ...table(
      ['whose code', ...servers],
      owners.map((owner) => [owner, ...servers.map((server) => shareOf(owner, server).toFixed(0))]),
      1,
    ),
  ].join('\n');
}
