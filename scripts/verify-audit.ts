/**
 * Verifies an audit log that was exported with `GET /api/audit/export`, without the server, its database, or any package:
 *
 *   node scripts/verify-audit.ts audit.ndjson [--jwks keys.json|https://…/api/evidence/jwks]
 *
 * Recomputes every hash and link, and with the platform's keys the signatures of the checkpoints, which alone can show that events were cut off
 * at the end or that a whole chain was written anew. Names the lines that are wrong.
 *
 * Exit codes: 0 all is well; 1 something was changed; 2 the file cannot be read or is not complete; 3 nothing wrong was found, but no
 * checkpoint was verified, because no keys were given or there are none to verify.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import {
  createChainReader,
  type ExportedCheckpoint,
  type ExportedEvent,
  type Finding,
} from './evidence/chains.ts';
import { type EvidenceKey, isSignedBy, openJws, readKeys } from './evidence/jws.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { jwks: { type: 'string' } },
});
const [file] = positionals;

try {
  process.exitCode = file === undefined ? usage() : await verifyFile(file);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

function usage(): number {
  console.error('usage: node scripts/verify-audit.ts <export.ndjson> [--jwks <file or address>]');
  return 2;
}

async function verifyFile(path: string): Promise<number> {
  const keys = values.jwks === undefined ? undefined : await readKeys(values.jwks);
  const findings: Finding[] = [];
  let reader: ReturnType<typeof createChainReader> | undefined;
  let whole = false;
  let events = 0;
  let checkpoints = 0;
  let verified = 0;
  let ended: number | undefined;
  let line = 0;
  for await (const text of createInterface({
    input: createReadStream(path),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    line += 1;
    const entry = parseLine(text, line);
    if (line === 1) {
      if (entry.type !== 'header' || entry.format !== 'tenantry-audit/1') {
        throw new Error('the file is not an audit export of a known format');
      }
      whole = entry.whole === true;
      reader = createChainReader({ whole });
    } else if (ended !== undefined) {
      findings.push({ line, chain: '', what: 'there is something after the end of the export' });
    } else if (entry.type === 'checkpoint') {
      checkpoints += 1;
      const problem =
        keys && checkpointProblem(entry as unknown as ExportedCheckpoint & { jws: string }, keys);
      verified += keys !== undefined && problem === undefined ? 1 : 0;
      if (problem !== undefined) {
        findings.push({ line, chain: String(entry.chain), what: problem });
      }
      reader?.addCheckpoint(entry as unknown as ExportedCheckpoint);
    } else if (entry.type === 'event') {
      events += 1;
      reader?.addEvent(line, entry as unknown as ExportedEvent);
    } else if (entry.type === 'end') {
      ended = Number(entry.events);
    }
  }
  if (reader === undefined || ended === undefined) {
    throw new Error('the file is not complete: its last line is missing');
  }
  if (ended !== events) {
    findings.push({ line, chain: '', what: `the export had ${ended} events, the file has ${events}` });
  }
  const chains = reader.end();
  findings.push(...reader.findings);
  for (const { line: at, chain, what } of findings.sort((a, b) => a.line - b.line)) {
    console.log(`line ${at}${chain === '' ? '' : ` (chain ${chain})`}: ${what}`);
  }
  const signed = chains.reduce((sum, chain) => sum + Math.min(chain.signed, chain.events), 0);
  console.log(
    `${events} events in ${chains.length} chains; ${verified} of ${checkpoints} checkpoints verified`,
  );
  if (findings.length > 0) {
    console.log('NOT INTACT');
    return 1;
  }
  if (!whole) {
    console.log(
      'every event is as it was recorded; the export picks events out, so whether any is missing cannot be told',
    );
    return 3;
  }
  if (verified === 0) {
    console.log(
      'the chains fit; without a verified checkpoint a cut-off end or a rewritten chain would not show',
    );
    return 3;
  }
  console.log(
    `INTACT; ${signed} events are covered by a signature of the platform, ${events - signed} are newer`,
  );
  return 0;
}

function parseLine(text: string, line: number): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new Error(`line ${line} is not JSON: the file is not complete, or no audit export`);
  }
}

function checkpointProblem(
  { chain, events, head, jws }: ExportedCheckpoint & { jws: string },
  keys: readonly EvidenceKey[],
): string | undefined {
  const opened = openJws(jws);
  const key = keys.find(({ kid }) => kid === opened?.header.kid);
  if (opened === undefined || key === undefined) {
    return 'the checkpoint is signed by no key that was given';
  }
  const { header, claims } = opened;
  const genuine =
    header.typ === 'audit-checkpoint+jwt' &&
    isSignedBy(jws, key) &&
    claims.chain === chain &&
    claims.events === events &&
    claims.head === head;
  if (!genuine) {
    return 'the checkpoint is forged: its signature does not fit';
  }
  return key.revoked_at === undefined
    ? undefined
    : `the key that signed the checkpoint was revoked at ${key.revoked_at}`;
}
