/** Recomputes the hash chains of an exported audit log, line by line, with a memory that grows with the chains and not with the events. */
import { createHash } from 'node:crypto';

export interface ExportedEvent {
  id: string;
  chain: string;
  at: string;
  event: string;
  severity: string;
  tenantId: string | null;
  actor: unknown;
  details: unknown;
  previousHash: string;
  hash: string;
}

export interface ExportedCheckpoint {
  chain: string;
  events: number;
  head: string;
}

export interface Finding {
  /** Line of the file, from 1. */
  line: number;
  chain: string;
  what: string;
}

interface Chain {
  events: number;
  head: string;
  checkpoint?: ExportedCheckpoint;
  /** The checkpoint's event was met. */
  reached?: boolean;
  lastLine: number;
  /** After a break the links of the rest are followed from where they are. */
  broken?: boolean;
}

const genesis = '0'.repeat(64);

export function createChainReader({ whole }: { whole: boolean }) {
  const chains = new Map<string, Chain>();
  const findings: Finding[] = [];
  /** Breaks whose missing event may still turn up on a later line. */
  const sought = new Map<string, Finding & { instead: string }>();

  function chainOf(name: string): Chain {
    const chain = chains.get(name) ?? { events: 0, head: genesis, lastLine: 0 };
    chains.set(name, chain);
    return chain;
  }

  return {
    findings,

    addCheckpoint(checkpoint: ExportedCheckpoint): void {
      chainOf(checkpoint.chain).checkpoint = checkpoint;
    },

    addEvent(line: number, event: ExportedEvent): void {
      const chain = chainOf(event.chain);
      const hash = hashOf(event);
      if (event.hash !== hash || event.id !== `evt_${hash.slice(0, 32)}`) {
        findings.push({
          line,
          chain: event.chain,
          what: `the event ${event.id} was edited: its content does not give its hash`,
        });
      } else if (whole && event.previousHash !== chain.head) {
        const finding = {
          line,
          chain: event.chain,
          what: `before the event ${event.id} an event was removed: the one with hash ${event.previousHash} is not there`,
        };
        const instead = `the event ${event.id} was moved: the one that it was recorded after comes later, or was moved itself`;
        findings.push(finding);
        sought.set(event.previousHash, Object.assign(finding, { instead }));
      }
      const found = sought.get(event.hash);
      if (found !== undefined) {
        found.what = found.instead;
        sought.delete(event.hash);
      }
      chain.events += 1;
      chain.head = event.hash;
      chain.lastLine = line;
      const { checkpoint } = chain;
      if (checkpoint?.events === chain.events) {
        chain.reached = true;
        if (checkpoint.head !== event.hash) {
          findings.push({
            line,
            chain: event.chain,
            what: `event ${chain.events} of the chain is not the one that the platform signed`,
          });
        }
      }
    },

    /** Call it once, after the last event. */
    end(): { name: string; events: number; head: string; signed: number }[] {
      const all = [...chains].map(([name, chain]) => ({ name, ...chain }));
      for (const { name, events, checkpoint, reached, lastLine } of all) {
        if (checkpoint !== undefined && reached !== true) {
          findings.push({
            line: lastLine,
            chain: name,
            what: `events are missing at the end: the platform signed ${checkpoint.events}, the file has ${events}`,
          });
        }
      }
      return all.map(({ name, events, head, checkpoint }) => ({
        name,
        events,
        head,
        signed: checkpoint?.events ?? 0,
      }));
    },
  };
}

function hashOf(event: ExportedEvent): string {
  const { chain, at, event: name, severity, tenantId, actor, details, previousHash } = event;
  const hashed = { chain, at, event: name, severity, tenantId, actor, details, previousHash };
  return createHash('sha256').update(canonical(hashed)).digest('hex');
}

/** JSON with the members of objects in code-unit order. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map((member) => canonical(member)).join(',')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value);
}
