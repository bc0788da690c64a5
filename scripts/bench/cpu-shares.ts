import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string }; children?: number[] }[];
  /** Microseconds of the machine's monotonic clock, which `process.hrtime` reads, too. */
  startTime: number;
  samples: number[];
  timeDeltas: number[];
}

/** Where the time between two moments went: microseconds by whose code it was, most first. Idle time is left out. */
export type CpuShares = readonly (readonly [owner: string, micros: number])[];

/** Now, on the clock of CPU profiles. */
export function profileClock(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** Reads the one profile that `node --cpu-prof --cpu-prof-dir=<directory>` left. */
export async function readCpuShares(
  directory: string,
  { from, to }: { from: number; to: number },
): Promise<CpuShares> {
  const [name, ...more] = (await readdir(directory)).filter((file) => file.endsWith('.cpuprofile'));
  if (name === undefined || more.length > 0) {
    throw new Error(`there is not one profile in ${directory}`);
  }
  const profile = JSON.parse(await readFile(join(directory, name), 'utf8')) as CpuProfile;
  const ownerOf = ownersByNode(profile);
  const micros = new Map<string, number>();
  let at = profile.startTime;
  for (const [index, node] of profile.samples.entries()) {
    const delta = profile.timeDeltas[index] ?? 0;
    at += delta;
    const owner = ownerOf.get(node) ?? '';
    if (at >= from && at <= to && owner !== '(idle)') {
      micros.set(owner, (micros.get(owner) ?? 0) + delta);
    }
  }
  return [...micros].sort(([, a], [, b]) => b - a);
}

/** What Node itself does is counted for whoever asked for it; for nobody when it comes straight from the event loop. */
function ownersByNode({ nodes }: CpuProfile): Map<number, string> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const owners = new Map<number, string>();
  const visit = (id: number, caller: string): void => {
    const node = byId.get(id);
    if (node === undefined) {
      return;
    }
    const owner = ownerOf(node.callFrame) ?? caller;
    owners.set(id, owner);
    for (const child of node.children ?? []) {
      visit(child, owner);
    }
  };
  const [root] = nodes;
  if (root !== undefined) {
    visit(root.id, 'Node: sockets, HTTP parser, timers');
  }
  return owners;
}

/** `undefined` for a part of Node. */
function ownerOf({ functionName, url }: { functionName: string; url: string }): string | undefined {
  if (functionName === '(idle)' || functionName === '(garbage collector)') {
    return functionName;
  }
  if (functionName === '(program)') {
    return 'native code and system calls';
  }
  const [, path] = /.*\/node_modules\/(.+)/.exec(url) ?? [];
  if (path === undefined) {
    return url.startsWith('file:') ? 'Tenantry' : undefined;
  }
  const parts = path.split('/');
  const name = path.startsWith('@') ? `${parts[0]}/${parts[1]}` : (parts[0] ?? '');
  return families.find(([pattern]) => pattern.test(name))?.[1] ?? `${name}`;
}

const families: readonly (readonly [RegExp, string])[] = [
  [/^@(aws-sdk|aws-crypto|smithy)\//, 'AWS SDK'],
  [/^(koa|@koa\/.*|koa-.*|cookies|keygrip|raw-body|co-body)$/, 'Koa'],
];
