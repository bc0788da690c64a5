import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditTenantValidated } from '../../src/audit/events.ts';
import type { Statements } from '../../src/audit/statements.ts';
import type { Actor } from '../../src/kernel/actor.ts';
import { AppError } from '../../src/kernel/errors.ts';
import type { RunId, Slug, TenantId } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { createApprovedTenant } from '../../src/onboarding/approved-tenant.ts';
import { readReceiptOfRun, readReceiptsOfTenant } from '../../src/provisioning/receipt.ts';
import { createReissueReceipt } from '../../src/provisioning/reissue-receipt.ts';
import type { StepContext } from '../../src/provisioning/step.ts';
import { receipt } from '../../src/provisioning/steps/receipt.ts';
import { type AuditFixture, createAuditFixture, runVerifier } from '../audit/evidence-fixture.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const olga: Actor = { kind: 'operator', id: 'acc_olga', email: 'olga@operators.example' };
const sam: Actor = { kind: 'operator', id: 'acc_sam', email: 'sam@operators.example' };

let audit: AuditFixture;
beforeAll(async () => {
  audit = await createAuditFixture();
});
afterAll(() => audit.close());

let count = 0;

/** A run whose steps before the receipt are done, as the saga leaves it. */
async function runBeforeReceipt(): Promise<StepContext> {
  count += 1;
  const { postgres, clock } = audit;
  const slug = `acme-${count}` as Slug;
  const runId = `run_${count}` as RunId;
  const { tenantId } = await postgres.transaction((transaction) =>
    createApprovedTenant(
      transaction,
      {
        queue: { send: async () => {} },
        directory: { get: async () => undefined },
        clock,
        random: systemRandom,
      },
      {
        source: 'operator',
        slug,
        actor: olga,
        request: { name: 'Acme', features: {}, securityPolicy: {}, redirectUris: [], clientType: 'web' },
      },
    ),
  );
  const now = new Date(clock.now());
  await postgres.query(
    `insert into provisioning_runs (id, tenant_id, state, created_at) values ($1, $2, 'running', $3)`,
    [runId, tenantId, now],
  );
  await postgres.query(
    `insert into provisioning_steps (run_id, position, name, status, output, started_at, finished_at) values
       ($1, 1, 'signing-keys', 'done', '{"kids":["key-1"]}', $2, $2),
       ($1, 2, 'activate', 'done', '{"slug":"acme"}', $2, $2),
       ($1, 3, 'receipt', 'intended', null, $2, null)`,
    [runId, now],
  );
  await postgres.query(
    `insert into provisioning_attempts (run_id, step, action, fence, started_at) values
       ($1, 'signing-keys', 'act', 1, $2), ($1, 'signing-keys', 'act', 1, $2), ($1, 'activate', 'act', 1, $2)`,
    [runId, now],
  );
  await postgres.query(`update tenants set status = 'active', activated_at = now() where id = $1`, [
    tenantId,
  ]);
  await postgres.transaction((transaction) =>
    auditTenantValidated(transaction, clock, { tenantId, runId, actor: sam, mode: 'manual' }),
  );
  return {
    runId,
    kind: 'provision',
    tenant: {
      id: tenantId,
      slug,
      name: 'Acme',
      kind: 'tenant',
      tableName: 'none',
      createdBy: 'olga@operators.example',
      request: {},
    },
    fence: 1,
    stillHeld: async () => {},
    signal: new AbortController().signal,
  };
}

const stepWith = (statements: Pick<Statements, 'sign'>) =>
  receipt({ postgres: audit.postgres, statements, clock: audit.clock, random: systemRandom });

async function writtenReceipt() {
  const step = stepWith(audit.platform.statements);
  const context = await runBeforeReceipt();
  const output = await step.act(context);
  const [stored] = await readReceiptsOfTenant(audit.postgres, context.tenant.id);
  if (stored === undefined) {
    throw new Error('no receipt was written');
  }
  return { step, context, output, stored };
}

/** Verifies as somebody who has files only. */
async function verifyOffline(answer: object | string, options: { jwks?: object; thumbprint?: string } = {}) {
  const directory = await temporaryDirectory();
  const file = join(directory, 'receipt.json');
  await writeFile(file, typeof answer === 'string' ? answer : JSON.stringify(answer));
  const args = [file];
  if (options.jwks !== undefined) {
    await writeFile(join(directory, 'jwks.json'), JSON.stringify(options.jwks));
    args.push('--jwks', join(directory, 'jwks.json'));
  }
  if (options.thumbprint !== undefined) {
    // One that begins with a dash would be taken for an option.
    args.push(`--thumbprint=${options.thumbprint}`);
  }
  return await runVerifier('verify-receipt', args);
}

describe('the receipt (C7)', () => {
  it('says who did what, what every step came to, and where the audit chain stood', async () => {
    const { context, output, stored, step } = await writtenReceipt();
    await step.confirm(context, output);
    expect(output).toEqual({ receiptId: stored.id, kid: 'platform-1' });
    expect(decodeProtectedHeader(stored.jws)).toEqual({
      alg: 'ES256',
      kid: 'platform-1',
      typ: 'tenant-receipt+jwt',
    });
    const { rows } = await audit.postgres.query<{ events: string; hash: string }>(
      'select events, hash from audit_heads where chain = $1',
      [context.tenant.id],
    );
    const at = new Date(audit.clock.now()).toISOString();
    expect(decodeJwt(stored.jws)).toEqual({
      iss: 'https://id.example.com/platform',
      iat: Math.floor(audit.clock.now() / 1_000),
      jti: stored.id,
      sub: context.tenant.id,
      tenant_id: context.tenant.id,
      status: 'active',
      created_by: 'olga@operators.example',
      requested_by: 'olga@operators.example',
      approved_by: 'olga@operators.example',
      validated_by: 'sam@operators.example',
      timestamp: at,
      slug: context.tenant.slug,
      name: 'Acme',
      evidence: {
        run_id: context.runId,
        requested_at: at,
        history: [
          { at, what: 'Submitted', by: 'olga@operators.example' },
          { at, what: 'Approved', by: 'olga@operators.example' },
        ],
        steps: [
          {
            name: 'signing-keys',
            status: 'done',
            attempts: 2,
            started_at: at,
            finished_at: at,
            result: { kids: ['key-1'] },
          },
          {
            name: 'activate',
            status: 'done',
            attempts: 1,
            started_at: at,
            finished_at: at,
            result: { slug: 'acme' },
          },
        ],
        audit: { chain: context.tenant.id, events: Number(rows[0]?.events), head: rows[0]?.hash },
      },
    });
  });

  it('is written once, whoever tries again and however many at once', async () => {
    const step = stepWith(audit.platform.statements);
    const context = await runBeforeReceipt();
    expect(await step.check(context)).toBeUndefined();
    const outputs = await Promise.all([step.act(context), step.act(context), step.act(context)]);
    expect(new Set(outputs.map(({ receiptId }) => receiptId)).size).toBe(1);
    expect(await step.check(context)).toEqual(outputs[0]);
  });

  it('waits for a key store that is away', async () => {
    const away = new AppError('temporarily_unavailable', 'The key store does not answer.');
    const step = stepWith({ sign: () => Promise.reject(away) });
    const context = await runBeforeReceipt();
    await expect(step.act(context)).rejects.toBe(away);
    expect(await readReceiptOfRun(audit.postgres, context.runId)).toBeUndefined();
  });

  it('is not confirmed when its signature does not verify', async () => {
    const real = audit.platform.statements;
    const step = stepWith({
      sign: async (type, claims) => {
        const signed = await real.sign(type, claims);
        return { ...signed, jws: signed.jws.replace(/.{4}$/, 'AAAA') };
      },
    });
    const context = await runBeforeReceipt();
    const output = await step.act(context);
    await expect(step.confirm(context, output)).rejects.toThrow('does not verify');
  });

  it('is given out no more when its run is undone', async () => {
    const { step, context } = await writtenReceipt();
    await step.undo(context, undefined);
    await step.undo(context, undefined);
    expect(await readReceiptsOfTenant(audit.postgres, context.tenant.id)).toEqual([]);
  });

  it('can neither be changed nor removed', async () => {
    const { stored, context } = await writtenReceipt();
    for (const statement of [
      `update receipts set jws = 'x' where id = $1`,
      `update receipts set voided_at = now(), jws = 'x' where id = $1`,
      'delete from receipts where id = $1',
    ]) {
      await expect(audit.postgres.query(statement, [stored.id])).rejects.toThrow('append-only');
    }
    await expect(audit.postgres.query('truncate receipts')).rejects.toThrow('append-only');
    expect(await readReceiptsOfTenant(audit.postgres, context.tenant.id as TenantId)).toMatchObject([
      { id: stored.id },
    ]);
  });

  it.each(['suspended', 'deleting'])('of a tenant that is %s by then says so', async (status) => {
    const context = await runBeforeReceipt();
    await audit.postgres.query(
      `update tenants set status = $2, deletion = '{}', deletion_due_at = now() where id = $1`,
      [context.tenant.id, status],
    );
    await stepWith(audit.platform.statements).act(context);
    const [stored] = await readReceiptsOfTenant(audit.postgres, context.tenant.id);
    expect(decodeJwt(stored?.jws ?? '')).toMatchObject({ status });
  });
});

describe('a receipt whose key was revoked', () => {
  const pat: Actor = { kind: 'operator', id: 'acc_pat', email: 'pat@operators.example' };
  const reissue = (slug: Slug) =>
    audit.postgres.transaction((transaction) =>
      createReissueReceipt({ ...audit, statements: audit.platform.statements, random: systemRandom })(
        transaction,
        {
          slug,
          actor: pat,
        },
      ),
    );

  it('is issued anew from the record, says which one it supersedes, and the former one stays', async () => {
    const { stored: former, context } = await writtenReceipt();
    const { slug, id: tenantId } = context.tenant;
    await expect(reissue(slug)).rejects.toMatchObject({ code: 'conflict' });
    const { record, makeKey, setKeys } = audit.platform;
    const before = record.signingKeys;
    const revocation = { at: new Date(audit.clock.now()).toISOString(), by: pat, reason: 'Leaked.' };
    setKeys([
      await makeKey('platform-reissue'),
      ...before.map((key) => ({ ...key, state: 'retired' as const, revocation })),
    ]);
    await audit.postgres.query(`update tenants set status = 'deleted' where id = $1`, [tenantId]);

    const issued = await reissue(slug);
    expect(issued).toMatchObject({ version: 2, kid: 'platform-reissue' });
    expect(decodeJwt(issued.jws)).toMatchObject({
      tenant_id: tenantId,
      status: 'deleted',
      version: 2,
      supersedes: { jti: former.id, kid: former.kid, revoked_at: revocation.at },
      approved_by: 'olga@operators.example',
      evidence: { run_id: context.runId, steps: [{ name: 'signing-keys' }, { name: 'activate' }] },
    });
    expect((await readReceiptsOfTenant(audit.postgres, tenantId)).map(({ version }) => version)).toEqual([
      2, 1,
    ]);
    const jwks = { keys: await audit.platform.statements.keys() };
    expect((await verifyOffline(issued.jws, { jwks })).code).toBe(0);
    const refused = await verifyOffline(former.jws, { jwks });
    expect(refused.output).toContain('the platform revoked the key');
    expect(refused.code).toBe(1);
    // The new one has nothing against it.
    await expect(reissue(slug)).rejects.toMatchObject({ code: 'conflict' });
    await expect(reissue('nobody' as Slug)).rejects.toMatchObject({ code: 'not_found' });
    setKeys(before);
  });
});

describe('verifying a receipt offline', () => {
  async function answerOf() {
    const { stored, context } = await writtenReceipt();
    const { jws, kid, publicJwk } = stored;
    return { answer: { receipt: decodeJwt(jws), jws, key: { ...publicJwk, kid } }, context };
  }

  it('succeeds with the platform’s keys', async () => {
    const { answer, context } = await answerOf();
    const { code, output } = await verifyOffline(answer, {
      jwks: { keys: await audit.platform.statements.keys() },
    });
    expect(output).toContain(
      'GENUINE: signed by https://id.example.com/platform with the key platform-1 (ES256)',
    );
    expect(output).toContain(context.tenant.id);
    expect(output).toContain('step          signing-keys: done, 2 attempts');
    expect(code).toBe(0);
    expect(
      (await verifyOffline(answer.jws, { jwks: { keys: await audit.platform.statements.keys() } })).code,
    ).toBe(0);
  });

  it('says that whose key it is remains open without them, and takes a thumbprint for an answer', async () => {
    const { answer } = await answerOf();
    const { code, output } = await verifyOffline(answer);
    expect(code).toBe(3);
    const thumbprint = /thumbprint: (\S+)/.exec(output)?.[1] ?? '';
    expect((await verifyOffline(answer, { thumbprint })).code).toBe(0);
    expect(
      (
        await verifyOffline(answer, {
          thumbprint: thumbprint.replace(/./, (first) => (first === 'A' ? 'B' : 'A')),
        })
      ).code,
    ).toBe(1);
  });

  it.each(['ES256', 'RS256', 'PS256'] as const)('succeeds after the %s key was rotated out', async (alg) => {
    const before = audit.platform.record.signingKeys;
    audit.platform.setKeys([await audit.platform.makeKey(`old-${alg}`, alg)]);
    const { answer } = await answerOf();
    audit.platform.setKeys([await audit.platform.makeKey(`new-${alg}`)]);
    await answerOf();
    const keys = await audit.platform.statements.keys();
    expect(keys.map(({ kid }) => kid)).toEqual(expect.arrayContaining([`old-${alg}`, `new-${alg}`]));
    expect((await verifyOffline(answer, { jwks: { keys } })).code).toBe(0);
    audit.platform.setKeys(before);
  });

  it('fails for a key that the platform has revoked', async () => {
    const before = audit.platform.record.signingKeys;
    const leaked = await audit.platform.makeKey('leaked');
    audit.platform.setKeys([leaked]);
    const { answer } = await answerOf();
    const revocation = { at: '2026-02-01T00:00:00.000Z', by: olga, reason: 'Leaked.' };
    audit.platform.setKeys([...before, { ...leaked, state: 'destroyed', revocation }]);
    const { code, output } = await verifyOffline(answer, {
      jwks: { keys: await audit.platform.statements.keys() },
    });
    expect(output).toContain('revoked the key at 2026-02-01');
    expect(code).toBe(1);
    audit.platform.setKeys(before);
  });

  it.each<[what: string, change: (jws: string) => string]>([
    ['a changed claim', (jws) => resign(jws, (claims) => ({ ...claims, validated_by: 'eve@example.com' }))],
    ['no signature', (jws) => `${jws.split('.').slice(0, 2).join('.')}.`],
    [
      'the algorithm none',
      (jws) => [encode({ ...decodeProtectedHeader(jws), alg: 'none' }), jws.split('.')[1], ''].join('.'),
    ],
    [
      'another type',
      (jws) =>
        [encode({ ...decodeProtectedHeader(jws), typ: 'at+jwt' }), ...jws.split('.').slice(1)].join('.'),
    ],
  ])('fails for %s', async (_what, change) => {
    const { answer } = await answerOf();
    const keys = await audit.platform.statements.keys();
    const { code, output } = await verifyOffline({ ...answer, jws: change(answer.jws) }, { jwks: { keys } });
    expect(output).toContain('NOT GENUINE');
    expect(code).toBe(1);
  });

  it('fails for a forger who brings a key along and calls it the platform’s', async () => {
    const { answer } = await answerOf();
    const trusted = await audit.platform.statements.keys();
    const before = audit.platform.record.signingKeys;
    const forger = await audit.platform.makeKey('forger');
    audit.platform.setKeys([{ ...forger, kid: 'platform-1' }]);
    const { jws } = await audit.platform.statements.sign('tenant-receipt+jwt', {
      ...decodeJwt(answer.jws),
      validated_by: 'eve@example.com',
    });
    audit.platform.setKeys(before);
    const forged = { jws, key: { ...forger.publicJwk, kid: 'platform-1' } };
    expect((await verifyOffline(forged)).code).toBe(3);
    expect((await verifyOffline(forged, { jwks: { keys: trusted } })).code).toBe(1);
  });

  it('cannot read what is none', async () => {
    expect((await verifyOffline({ hello: 'world' })).code).toBe(2);
    expect((await verifyOffline('not even JSON')).code).toBe(1);
  });
});

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The same header and signature around other claims. */
function resign(jws: string, change: (claims: Record<string, unknown>) => object): string {
  const [header, , signature] = jws.split('.');
  return [header, encode(change(decodeJwt(jws))), signature].join('.');
}
