/**
 * Verifies a provisioning receipt from `GET /api/tenants/{slug}/receipt` (C7), without the server or any package:
 *
 *   node scripts/verify-receipt.ts receipt.json [--jwks keys.json|https://…/api/evidence/jwks] [--thumbprint=<RFC 7638>]
 *
 * The file is that answer, or the bare compact JWS. The receipt brings the key along that signed it, which proves that nothing in it was changed
 * since, but not whose key that is. That takes a key that is trusted for another reason: a JWK set of the platform that was kept or is
 * fetched now (it lists every key that ever signed evidence, so it also serves after rotations), or the key's thumbprint.
 *
 * Exit codes: 0 signed by a trusted key; 1 not a genuine receipt; 2 it cannot be read; 3 unchanged, but nothing says that the key is the
 * platform's.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type EvidenceKey, isSignedBy, openJws, readKeys, thumbprint } from './evidence/jws.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { jwks: { type: 'string' }, thumbprint: { type: 'string' } },
});
const [file] = positionals;

try {
  process.exitCode = file === undefined ? usage() : await verifyFile(file);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

function usage(): number {
  console.error(
    'usage: node scripts/verify-receipt.ts <receipt.json> [--jwks <file or address>] [--thumbprint=<RFC 7638>]',
  );
  return 2;
}

async function verifyFile(path: string): Promise<number> {
  const { jws, key: enclosed } = parseReceipt((await readFile(path, 'utf8')).trim());
  const opened = openJws(jws);
  if (opened === undefined || opened.header.typ !== 'tenant-receipt+jwt') {
    console.log('NOT GENUINE: this is no receipt');
    return 1;
  }
  const { header, claims } = opened;
  const trusted = values.jwks === undefined ? [] : await readKeys(values.jwks);
  const listed = trusted.find(({ kid }) => kid === header.kid);
  const pinned = enclosed !== undefined && thumbprint(enclosed) === values.thumbprint ? enclosed : undefined;
  const asked = values.jwks !== undefined || values.thumbprint !== undefined;
  const key = listed ?? pinned;
  if (asked && key === undefined) {
    console.log(`NOT GENUINE: signed by the key ${header.kid}, which is not one of those that were given`);
    return 1;
  }
  const verifying = key ?? enclosed;
  if (verifying === undefined) {
    throw new Error('there is no key to verify with: give --jwks');
  }
  if (!isSignedBy(jws, verifying)) {
    console.log('NOT GENUINE: the signature does not fit, so something in it was changed');
    return 1;
  }
  print(claims);
  if (key?.revoked_at !== undefined) {
    console.log(
      `NOT GENUINE: the platform revoked the key at ${key.revoked_at}; whoever had it could have signed this`,
    );
    return 1;
  }
  if (key === undefined) {
    console.log(
      `UNCHANGED, but whose key signed it is not known. Compare its thumbprint: ${thumbprint(verifying)}`,
    );
    return 3;
  }
  console.log(`GENUINE: signed by ${String(claims.iss)} with the key ${header.kid} (${header.alg})`);
  return 0;
}

function parseReceipt(text: string): { jws: string; key?: EvidenceKey } {
  if (!text.startsWith('{')) {
    return { jws: text };
  }
  const { jws, key } = JSON.parse(text) as { jws?: unknown; key?: EvidenceKey };
  if (typeof jws !== 'string') {
    throw new Error('the file holds no receipt');
  }
  return key === undefined ? { jws } : { jws, key };
}

function print(claims: Record<string, unknown>): void {
  const names = [
    'tenant_id',
    'slug',
    'status',
    'version',
    'created_by',
    'requested_by',
    'approved_by',
    'validated_by',
    'reviewed_by',
    'timestamp',
  ];
  for (const name of names.filter((each) => claims[each] !== undefined)) {
    console.log(`  ${name.padEnd(14)}${String(claims[name])}`);
  }
  const { steps = [], audit } = claims.evidence as {
    steps?: { name: string; status: string; attempts: number }[];
    audit?: { chain: string; events: number; head: string };
  };
  for (const { name, status, attempts } of steps) {
    console.log(`  step          ${name}: ${status}, ${attempts} attempt${attempts === 1 ? '' : 's'}`);
  }
  if (audit !== undefined) {
    console.log(`  audit         ${audit.events} events, head ${audit.head}`);
  }
}
