import { type BenchTenant, createFlows } from './flows.ts';
import { type Connections, openConnections, runLoad } from './load.ts';
import { type Slice, usedBetween } from './samples.ts';
import type { ServerProcess } from './server-process.ts';

/** A server that is measured, with what is needed to load it. */
export interface Subject {
  name: string;
  process: ServerProcess<unknown>;
  connections: Connections;
  concurrency: number;
  flows: ReturnType<typeof createFlows>;
}

/** `concurrency` connections to the server stay open until `stack` is disposed. */
export function createSubject({
  name,
  process,
  origin,
  tenants,
  concurrency,
  stack,
}: Pick<Subject, 'name' | 'process' | 'concurrency'> & {
  origin: string;
  tenants: readonly BenchTenant[];
  stack: AsyncDisposableStack;
}): Subject {
  const connections = openConnections(new URL(origin), concurrency);
  stack.defer(() => connections.agent.destroy());
  return { name, process, connections, concurrency, flows: createFlows(tenants, concurrency) };
}

/** Loads the server with one flow for `durationMs`. */
export async function measure(
  { name, process: server, connections, concurrency, flows }: Subject,
  flow: Slice['flow'],
  round: number,
  durationMs: number,
): Promise<Slice> {
  const before = await server.usage();
  const { latenciesMs, elapsedMs } = await runLoad({
    connections,
    concurrency,
    durationMs,
    next: flows[flow],
  });
  const used = usedBetween(before, await server.usage());
  return { flow, server: name, round, requests: latenciesMs.length, elapsedMs, latenciesMs, used };
}
