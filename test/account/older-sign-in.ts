import type { Table } from '../../src/cloud/tables/port.ts';
import { artifactKey, payloadOf, toArtifactItem } from '../../src/oidc/storage/artifact.ts';
import type { UserAgent } from '../support/user-agent.ts';

/** Moves the sign-in of the browser's session at the tenant into the past. */
export async function makeSignInOlder(
  { jar }: UserAgent,
  { issuer, table }: { issuer: string; table: Table },
  seconds: number,
): Promise<void> {
  const id = (await jar.getCookies(issuer)).find(({ key }) => key === '_session')?.value ?? '';
  const item = await table.get(artifactKey('Session', id));
  if (!item) throw new Error('no session');
  const { loginTs = 0, ...payload } = payloadOf(item, id);
  const older = toArtifactItem('Session', id, { ...payload, loginTs: loginTs - seconds }, 0);
  await table.put({ ...item, payload: String(older.payload) });
}
