import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kidOf } from '../../src/audit/statements.ts';
import { reportChain, verifyAllChains } from '../../src/audit/verify-all.ts';
import type { SigningKeyRecord } from '../../src/kernel/tenant.ts';
import { type AuditFixture, createAuditFixture } from './evidence-fixture.ts';

let audit: AuditFixture;
beforeEach(async () => {
  audit = await createAuditFixture();
});
afterEach(() => audit.close());

/** The platform's signing key is withdrawn, and another one signs, as the directory has it from then on. */
async function revoke(
  successor = 'platform-2',
): Promise<{ revoked: SigningKeyRecord; next: SigningKeyRecord }> {
  const [active] = audit.platform.record.signingKeys.filter(({ state }) => state === 'active');
  if (active === undefined) {
    throw new Error('there is no active key');
  }
  const at = new Date(audit.clock.now()).toISOString();
  const by = { kind: 'operator', id: 'acc_1' } as const;
  const revoked: SigningKeyRecord = {
    ...active,
    state: 'retired',
    retiredAt: at,
    revocation: { at, by, reason: 'Leaked.' },
  };
  const next = await audit.platform.makeKey(successor);
  audit.platform.setKeys([next, revoked]);
  return { revoked, next };
}

const kidAt = async (chain: string) => kidOf((await audit.checkpoints.find(chain))?.jws ?? '');
const minutes = (count: number) => audit.clock.advance(count * 60_000);

describe('a key of the platform that was revoked', () => {
  it('is listed as revoked for ever, also when the directory has forgotten it', async () => {
    await audit.platform.statements.sign('test+jwt', {});
    const { next, revoked } = await revoke();
    await audit.checkpoints.advance();
    audit.platform.setKeys([next]);
    expect(await audit.platform.statements.keys()).toContainEqual(
      expect.objectContaining({ kid: 'platform-1', revoked_at: revoked.revocation?.at }),
    );
  });

  it('makes a checkpoint by it no proof, neither here nor offline, until it is made anew', async () => {
    await audit.append('ten_busy', 3);
    await audit.append('ten_quiet', 2);
    await audit.checkpoints.advance();
    await revoke();
    const report = await reportChain(audit.checkpoints, 'ten_quiet');
    expect(report).toMatchObject({ intact: true, events: 2 });
    expect(report).not.toHaveProperty('checkpoint');
    expect(await verifyAllChains(audit.postgres, audit.checkpoints)).toMatchObject({
      intact: true,
      unsigned: 5,
    });
    const offline = await audit.verifyOffline(await audit.export());
    expect(offline.output).toContain('was revoked at');
    expect(offline.code).toBe(1);

    // Chains in which nothing happens any more, as those of tenants that are gone, are signed anew, too.
    expect(await audit.checkpoints.advance()).toEqual({ signed: 2, broken: [] });
    expect(await Promise.all(['ten_busy', 'ten_quiet'].map(kidAt))).toEqual(['platform-2', 'platform-2']);
    expect(await verifyAllChains(audit.postgres, audit.checkpoints)).toMatchObject({
      intact: true,
      unsigned: 0,
    });
    const renewed = await audit.verifyOffline(await audit.export());
    expect(renewed.output).toContain('INTACT; 5 events are covered');
    expect(renewed.code).toBe(0);
    expect(await audit.checkpoints.advance()).toEqual({ signed: 0, broken: [] });
  });

  it('vouches for no chain that somebody wrote anew meanwhile: that is told, and not signed', async () => {
    await audit.append('ten_rewritten', 3);
    await audit.append('ten_cut', 3);
    await audit.checkpoints.advance();
    await revoke();
    for (const chain of ['ten_rewritten', 'ten_cut']) {
      await audit.asSuperuser(
        'delete from audit_events where sequence = (select max(sequence) from audit_events where chain = $1)',
        [chain],
      );
      await audit.postgres.query(
        `update audit_heads set events = 2, checkpointed = 0,
                hash = (select hash from audit_events where chain = $1 order by sequence desc limit 1)
          where chain = $1`,
        [chain],
      );
    }
    await audit.append('ten_rewritten', 1);
    const { broken } = await audit.checkpoints.advance();
    expect(broken.toSorted()).toEqual(['ten_cut', 'ten_rewritten']);
    expect(await Promise.all(['ten_rewritten', 'ten_cut'].map(kidAt))).toEqual(['platform-1', 'platform-1']);
    expect(await reportChain(audit.checkpoints, 'ten_rewritten')).toMatchObject({
      intact: false,
      problem: { kind: 'rewritten', position: 3 },
    });
    expect(await reportChain(audit.checkpoints, 'ten_cut')).toMatchObject({
      intact: false,
      problem: { kind: 'cut-off', position: 3 },
    });
  });

  it('may have signed a moment later still, by a process that had read it: such a checkpoint is made anew, too', async () => {
    await audit.append('ten_late', 2);
    await audit.checkpoints.advance();
    const late = await audit.checkpoints.find('ten_late');
    await revoke();
    await audit.checkpoints.advance();
    expect(await kidAt('ten_late')).toBe('platform-2');
    await audit.table.put({ pk: 'AuditCheckpoint', sk: 'ten_late', ...late });
    minutes(1);
    await audit.checkpoints.advance();
    expect(await kidAt('ten_late')).toBe('platform-2');

    // When nobody can do so any more, nobody looks any more.
    minutes(15);
    await audit.checkpoints.advance();
    expect(await audit.platform.statements.noteRevocations()).toEqual([]);
    const { revoked } = await revoke('platform-3');
    expect(await audit.platform.statements.noteRevocations()).toEqual([
      { kid: 'platform-2', revokedAt: revoked.revocation?.at },
    ]);
  });
});
