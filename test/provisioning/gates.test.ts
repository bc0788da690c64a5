import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Actor } from '../../src/kernel/actor.ts';
import type { Slug } from '../../src/kernel/ids.ts';
import { listDecisions } from '../../src/provisioning/decisions.ts';
import { slugState } from './control-plane.ts';
import { type GovernedPlane, people, startGovernedPlane } from './governed-plane.ts';

const { olga, sam, cora, pat } = people;

let plane: GovernedPlane;
beforeAll(async () => {
  plane = await startGovernedPlane();
});
afterAll(() => plane.close());

const validate = (slug: Slug, decision: 'approve' | 'reject', actor: Actor = sam, comment?: string) =>
  plane.request((transaction) =>
    plane.decisions.validate(transaction, {
      slug,
      decision,
      actor,
      ...(comment === undefined ? {} : { comment }),
    }),
  );
const review = (slug: Slug, decision: 'pass' | 'fail', actor: Actor = cora, findings?: string) =>
  plane.request((transaction) =>
    plane.decisions.review(transaction, {
      slug,
      decision,
      actor,
      ...(findings === undefined ? {} : { findings }),
    }),
  );

describe('the validation gate', () => {
  it('keeps the tenant from everybody until a Security Admin approves, and shows them what the checks found', async () => {
    const { tenantId, slug } = await plane.built();
    await plane.provisioning().run(tenantId);
    expect(await plane.status(tenantId, slug)).toEqual({
      status: 'provisioning',
      state: 'awaiting-validation',
      directory: 'provisioning',
    });
    expect((await plane.directory.get(slug))?.provisioning.state).toBe('awaiting-validation');
    const { rows } = await plane.postgres.query<{ checks: string[] }>(
      `select output -> 'checks' as checks from provisioning_steps where name = 'validation'
          and run_id = (select id from provisioning_runs where tenant_id = $1)`,
      [tenantId],
    );
    expect(rows[0]?.checks.map((line) => line.split(':')[0])).toEqual([
      'passed signing-keys',
      'passed tenant-table',
      'passed security-policy',
      'passed isolation',
      'passed endpoints',
    ]);
    const mails = plane.mails.filter(({ to }) => to === 'ada@acme.example').length;

    await validate(slug, 'approve', sam, 'As ordered.');
    expect(plane.mails.filter(({ to }) => to === 'ada@acme.example')).toHaveLength(mails + 1);
    expect(await plane.status(tenantId, slug)).toEqual({
      status: 'active',
      state: 'awaiting-compliance',
      directory: 'active',
    });
    expect(await slugState(plane.postgres, slug)).toBe('taken');
    expect(await plane.events(tenantId)).toEqual(
      expect.arrayContaining(['tenant.validated', 'tenant.created', 'tenant.activated']),
    );
  });

  it('rejected: everything is undone, and the requester reads why', async () => {
    const { tenantId, slug } = await plane.built();
    await validate(slug, 'reject', sam, 'The callback is not ours.');
    expect(await plane.traces(tenantId, slug)).toEqual({ directory: false, tables: [], keys: [] });
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'failed', state: 'rolled-back' });
    expect(await plane.provisioning().readProgress(tenantId)).toMatchObject({
      failedStep: 'validation',
      error: 'The validation was rejected: The callback is not ours.',
    });
    expect(await slugState(plane.postgres, slug)).toBeUndefined();
    expect((await plane.events(tenantId)).slice(-2)).toEqual([
      'tenant.validation-rejected',
      'tenant.provisioning.undone',
    ]);
  });

  it('is decided once, and not before it is reached', async () => {
    const { slug } = await plane.validated();
    await expect(validate(slug, 'reject', pat)).rejects.toMatchObject({ code: 'already_decided' });
    const { slug: queued } = await plane.order();
    await expect(validate(queued, 'approve')).rejects.toMatchObject({ code: 'not_ready' });
    await expect(validate('nobody' as Slug, 'approve')).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('the compliance gate', () => {
  it('passed: the run ends with its receipt', async () => {
    const { tenantId, slug } = await plane.validated();
    await review(slug, 'pass', cora, 'Evidence complete.');
    expect(await plane.status(tenantId, slug)).toEqual({
      status: 'active',
      state: 'active',
      directory: 'active',
    });
    expect((await plane.directory.get(slug))?.provisioning).toMatchObject({ state: 'active' });
    const { rows } = await plane.postgres.query('select 1 from receipts where tenant_id = $1', [tenantId]);
    expect(rows).toHaveLength(1);
    expect(await listDecisions(plane.postgres, tenantId)).toMatchObject([
      { gate: 'validation', decision: 'approve', by: 'operator:acc_2', email: 'sam@operators.example' },
      { gate: 'compliance', decision: 'pass', by: 'operator:acc_3', words: 'Evidence complete.' },
    ]);
    expect((await plane.events(tenantId)).slice(-2)).toEqual([
      'tenant.compliance-reviewed',
      'tenant.provisioning.completed',
    ]);
  });

  it('failed: the tenant is blocked at once, stays so, and comes back with a review that it passes', async () => {
    const { tenantId, slug } = await plane.validated();
    plane.noticed.length = 0;
    await review(slug, 'fail', cora, 'No approval by legal.');
    const blocked = { status: 'blocked', state: 'blocked', directory: 'blocked' };
    expect(await plane.status(tenantId, slug)).toEqual(blocked);
    expect(plane.noticed).toContain(slug);
    await plane.provisioning().run(tenantId);
    expect(await plane.status(tenantId, slug)).toEqual(blocked);
    await review(slug, 'pass');
    expect(await plane.status(tenantId, slug)).toEqual({
      status: 'active',
      state: 'active',
      directory: 'active',
    });
    expect(await plane.events(tenantId)).toEqual(
      expect.arrayContaining([
        'tenant.compliance-failed',
        'tenant.blocked',
        'tenant.compliance-reviewed',
        'tenant.unblocked',
      ]),
    );
  });

  it('can fail any time later, too, without a run', async () => {
    const { tenantId, slug } = await plane.reviewed();
    await review(slug, 'fail', cora, 'Found later.');
    expect(await plane.status(tenantId, slug)).toEqual({
      status: 'blocked',
      state: 'blocked',
      directory: 'blocked',
    });
    await review(slug, 'pass');
    expect(await plane.status(tenantId, slug)).toEqual({
      status: 'active',
      state: 'active',
      directory: 'active',
    });
  });

  it('has nothing to review before the tenant is validated', async () => {
    const { slug } = await plane.built();
    await expect(review(slug, 'fail')).rejects.toMatchObject({ code: 'not_ready' });
  });

  it('blocks by itself where it is automatic and the evidence is not complete', async () => {
    const { tenantId, slug } = await plane.order();
    await plane.provisioning({ validation: 'automatic' }).run(tenantId);
    await plane.postgres.query(`alter table audit_events disable trigger audit_events_append_only`);
    await plane.postgres.query(
      `update audit_events set details = details || '{"slug": "other"}'
        where tenant_id = $1 and event = 'tenant.registration.approved'`,
      [tenantId],
    );
    await plane.postgres.query(`alter table audit_events enable trigger audit_events_append_only`);
    await plane.provisioning({ validation: 'automatic', compliance: 'automatic' }).run(tenantId);
    expect(await plane.status(tenantId, slug)).toEqual({
      status: 'blocked',
      state: 'blocked',
      directory: 'blocked',
    });
    const decisions = await listDecisions(plane.postgres, tenantId);
    expect(decisions.at(-1)).toMatchObject({
      gate: 'compliance',
      decision: 'fail',
      by: 'system:provisioning',
    });
    expect(
      decisions
        .at(-1)
        ?.checks.filter(({ passed }) => !passed)
        .map(({ name }) => name),
    ).toEqual(['audit-chain']);
    // The job that makes sure of the block.
    expect(plane.sent).toContainEqual({ name: 'tenant-standing', payload: { tenantId } });
    await plane.work();
  });
});

describe('duties are separate', () => {
  const spelled = (actor: Actor, email: string): Actor => ({ ...actor, id: 'acc_other', email });

  it.each([
    ['who ordered the tenant', olga],
    [
      'who ordered it, under another account with the same address',
      spelled(olga, ' OLGA@Operators.Example '),
    ],
  ])('%s does not validate it, and nothing changes', async (_who, actor) => {
    const { tenantId, slug } = await plane.built();
    await expect(validate(slug, 'approve', actor)).rejects.toMatchObject({
      code: 'separation_of_duties',
      message: 'You have requested this tenant; somebody else must decide about it now.',
    });
    expect(await plane.status(tenantId, slug)).toMatchObject({ state: 'awaiting-validation' });
    expect(await listDecisions(plane.postgres, tenantId)).toEqual([]);
  });

  it.each([
    ['ordered', olga],
    ['validated', sam],
  ])('who has %s it does not review it', async (_duty, actor) => {
    const { tenantId, slug } = await plane.validated();
    for (const decision of ['pass', 'fail'] as const) {
      await expect(review(slug, decision, actor)).rejects.toMatchObject({ code: 'separation_of_duties' });
    }
    expect(await plane.status(tenantId, slug)).toMatchObject({
      status: 'active',
      state: 'awaiting-compliance',
    });
  });

  it('who reviewed it does not validate it when it is provisioned anew', async () => {
    const { tenantId, slug } = await plane.built();
    await plane.postgres.query(
      `insert into tenant_duties (tenant_id, person, duty) values ($1, 'actor:operator:acc_3', 'compliance')`,
      [tenantId],
    );
    await expect(validate(slug, 'approve', cora)).rejects.toMatchObject({ code: 'separation_of_duties' });
  });

  it('a machine client is one actor, whatever its scopes', async () => {
    const { slug } = await plane.built();
    const robot: Actor = { kind: 'client', id: 'tenantry-bootstrap' };
    await validate(slug, 'approve', robot);
    await expect(review(slug, 'pass', robot)).rejects.toMatchObject({ code: 'separation_of_duties' });
    await review(slug, 'pass', { kind: 'client', id: 'reviewer' });
  });

  it('two decisions of one person at the same moment: the database lets one through', async () => {
    const { tenantId, slug } = await plane.validated();
    const { postgres } = plane;
    const insert = (gate: string, decision: string) =>
      postgres.query(
        `insert into tenant_decisions (tenant_id, run_id, gate, decision, decided_by, decided_by_email, decided_at)
         values ($1, (select id from provisioning_runs where tenant_id = $1), $2, $3, 'operator:acc_9', 'nina@operators.example', now())`,
        [tenantId, gate, decision],
      );
    const results = await Promise.allSettled([insert('compliance', 'pass'), insert('validation', 'reject')]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'active' });
  });
});

describe('written straight into the database, it refuses', () => {
  const separation = { constraint: 'separation_of_duties' };

  const decide = (tenantId: string, gate: string, decision: string, by: string, email: string | null) =>
    plane.postgres.query(
      `insert into tenant_decisions (tenant_id, run_id, gate, decision, decided_by, decided_by_email, decided_at)
       values ($1, (select id from provisioning_runs where tenant_id = $1), $2, $3, $4, $5, now())`,
      [tenantId, gate, decision, by, email],
    );

  it('a validation by who ordered the tenant, by account or by address', async () => {
    const { tenantId } = await plane.built();
    await expect(decide(tenantId, 'validation', 'approve', 'operator:acc_1', null)).rejects.toMatchObject(
      separation,
    );
    await expect(
      decide(tenantId, 'validation', 'approve', 'operator:acc_7', 'Olga@operators.example '),
    ).rejects.toMatchObject(separation);
  });

  it('a review by who validated the tenant', async () => {
    const { tenantId } = await plane.validated();
    await expect(
      decide(tenantId, 'compliance', 'pass', 'operator:acc_2', 'sam@operators.example'),
    ).rejects.toMatchObject(separation);
  });

  it('an approval by who requested, validated or reviewed the tenant', async () => {
    const { postgres } = plane;
    await postgres.query(
      `insert into orders (id, source, slug, name, requester_name, requester_email, request, status)
       values ('ord_x', 'registration', 'x', 'X', 'Rita', 'rita@acme.example', '{"tenantId": "ten_x"}', 'In-Process')`,
    );
    await postgres.query(
      `insert into tenant_duties (tenant_id, person, duty) values ('ten_x', 'email:val@operators.example', 'validation')`,
    );
    const approve = (by: string, email: string | null) =>
      postgres.query(
        `update orders set status = 'Approved', decided_by = $1, decided_by_email = $2 where id = 'ord_x'`,
        [by, email],
      );
    await expect(approve('operator:acc_5', 'RITA@acme.example')).rejects.toMatchObject({
      constraint: 'requester_is_not_approver',
    });
    for (const spelled of ['rita@acme.example ', 'Rita+second@acme.example']) {
      await expect(approve('operator:acc_5', spelled)).rejects.toMatchObject({
        constraint: 'requester_is_not_approver',
      });
    }
    await expect(approve('operator:acc_5', 'val@operators.example')).rejects.toMatchObject(separation);
    await approve('operator:acc_5', 'aron@operators.example');
  });

  it('a second duty, a changed and a removed one', async () => {
    const { tenantId } = await plane.built();
    const { postgres } = plane;
    await expect(
      postgres.query(
        `insert into tenant_duties (tenant_id, person, duty) values ($1, 'actor:operator:acc_1', 'validation')`,
        [tenantId],
      ),
    ).rejects.toMatchObject({ constraint: 'tenant_duties_pkey' });
    for (const change of [
      `update tenant_duties set duty = 'validation'`,
      'delete from tenant_duties',
      'truncate tenant_duties',
      `update tenant_decisions set decision = 'approve'`,
      'delete from tenant_decisions',
      'truncate tenant_decisions',
    ]) {
      await expect(postgres.query(change)).rejects.toThrow(/append-only/);
    }
  });

  it('a gate that is passed without a decision, or on a decision against it', async () => {
    const { tenantId } = await plane.built();
    const pass = () =>
      plane.postgres.query(
        `update provisioning_steps set status = 'done' where name = 'validation'
            and run_id = (select id from provisioning_runs where tenant_id = $1)`,
        [tenantId],
      );
    await expect(pass()).rejects.toMatchObject({ constraint: 'gates_need_decisions' });
    await decide(tenantId, 'validation', 'reject', 'operator:acc_2', null);
    await expect(pass()).rejects.toMatchObject({ constraint: 'gates_need_decisions' });
  });

  it('a decision about one tenant that would let the run of another through', async () => {
    const [mine, other] = [await plane.built(), await plane.built()];
    const runOf = `(select id from provisioning_runs where tenant_id = $2)`;
    const lend = (gate: string, decision: string) =>
      plane.postgres.query(
        `insert into tenant_decisions (tenant_id, run_id, gate, decision, decided_by, decided_at)
         values ($1, ${runOf}, $3, $4, 'operator:acc_2', now())`,
        [mine.tenantId, other.tenantId, gate, decision],
      );
    for (const [gate, decision] of [
      ['validation', 'approve'],
      ['compliance', 'pass'],
    ] as const) {
      await expect(lend(gate, decision)).rejects.toMatchObject({
        constraint: 'decisions_are_about_the_runs_tenant',
      });
    }
    await decide(mine.tenantId, 'validation', 'approve', 'operator:acc_2', null);
    await expect(
      plane.postgres.query(
        'update provisioning_runs set tenant_id = $1 where tenant_id = $2 and id in (select run_id from tenant_decisions)',
        [(await plane.order()).tenantId, mine.tenantId],
      ),
    ).rejects.toMatchObject({ constraint: 'decisions_are_about_the_runs_tenant' });
    // Nor does the row of a gate that is passed, or may be, serve another run or another step.
    for (const change of [
      `update provisioning_steps set run_id = ${runOf.replace('$2', '$1')}, position = 900 where name = 'validation'`,
      `update provisioning_steps set name = 'anything' where name = 'validation'`,
      `delete from provisioning_steps where name = 'validation'`,
    ]) {
      await expect(
        plane.postgres.query(
          `${change} and run_id = (select id from provisioning_runs where tenant_id = $2) and $1::text is not null`,
          [other.tenantId, mine.tenantId],
        ),
      ).rejects.toMatchObject({ constraint: 'steps_stay' });
    }
    expect(await plane.status(other.tenantId, other.slug)).toMatchObject({ state: 'awaiting-validation' });
  });

  it('a validation that names no run', async () => {
    const { tenantId } = await plane.built();
    await expect(
      plane.postgres.query(
        `insert into tenant_decisions (tenant_id, gate, decision, decided_by, decided_at)
         values ($1, 'validation', 'approve', 'operator:acc_2', now())`,
        [tenantId],
      ),
    ).rejects.toMatchObject({ constraint: 'validations_name_their_run' });
  });

  it.each([
    ['another component', 'system:anybody', null, '[{"name": "x", "passed": true, "detail": ""}]'],
    [
      'a person behind a component',
      'system:provisioning',
      'olga@operators.example',
      '[{"name": "x", "passed": true, "detail": ""}]',
    ],
    ['a component without checks', 'system:provisioning', null, '[]'],
    [
      'a component against its checks',
      'system:provisioning',
      null,
      '[{"name": "x", "passed": true}, {"name": "y", "passed": false}]',
    ],
    ['a component whose checks say nothing', 'system:provisioning', null, '[{"name": "x"}]'],
  ])('a validation by %s', async (_who, by, email, checks) => {
    const { tenantId } = await plane.built();
    await expect(
      plane.postgres.query(
        `insert into tenant_decisions (tenant_id, run_id, gate, decision, decided_by, decided_by_email, checks, decided_at)
         values ($1, (select id from provisioning_runs where tenant_id = $1), 'validation', 'approve', $2, $3, $4, now())`,
        [tenantId, by, email, checks],
      ),
    ).rejects.toMatchObject({ constraint: 'components_decide_by_checks' });
  });

  it.each([
    ['a component that approves nothing', 'registration', 'Approved', 'system:reminders', null],
    ['a component that only disapproves', 'registration', 'Approved', 'system:expiry', null],
    ['the first start', 'registration', 'Approved', 'system:bootstrap', null],
    ['the intake, of what an operator ordered', 'operator', 'Approved', 'system:onboarding', null],
    ['a person behind a component', 'registration', 'Approved', 'system:onboarding', 'rita@acme.example'],
  ])('a decision about an order by %s', async (_who, source, status, by, email) => {
    await expect(
      plane.postgres.query(
        `insert into orders (id, source, slug, name, requester_name, requester_email, request, status, decided_by, decided_by_email)
         values ('ord_y', $1, 'y', 'Y', 'Rita', 'ria@acme.example', '{"tenantId": "ten_y"}', $2, $3, $4)`,
        [source, status, by, email],
      ),
    ).rejects.toMatchObject({ constraint: 'components_have_no_duties' });
  });

  it('an order that asks for something else, for another tenant or in another way, than it did', async () => {
    const { postgres } = plane;
    const { tenantId } = await plane.built();
    await postgres.query(
      `insert into orders (id, source, slug, name, requester_name, requester_email, request, status)
       values ('ord_z', 'registration', 'z', 'Z', 'Zoe', 'zoe@acme.example', '{"tenantId": "ten_z"}', 'In-Process')`,
    );
    for (const change of [
      `request = '{"tenantId": "ten_elsewhere"}'`,
      `request = request - 'tenantId'`,
      `source = 'bootstrap'`,
      `source = 'operator'`,
      `slug = 'y'`,
      `requester_email = 'nobody@acme.example'`,
    ]) {
      await expect(
        postgres.query(`update orders set ${change} where id = 'ord_z'`),
        change,
      ).rejects.toMatchObject({ constraint: 'requests_stay' });
    }
    // Approved by somebody without a duty for this tenant, and brought to bear on one where she has one.
    await expect(
      postgres.query(
        `update orders set status = 'Approved', decided_by = 'operator:acc_1', tenant_id = $1 where id = 'ord_z'`,
        [tenantId],
      ),
    ).rejects.toMatchObject({ constraint: 'orders_bring_about_their_tenant' });
  });

  it('a decision that does not belong to its gate, and a second one that passes it', async () => {
    const { tenantId } = await plane.built();
    await expect(decide(tenantId, 'validation', 'pass', 'operator:acc_2', null)).rejects.toMatchObject({
      constraint: 'decisions_fit_gates',
    });
    await decide(tenantId, 'validation', 'approve', 'operator:acc_2', null);
    await expect(decide(tenantId, 'validation', 'approve', 'operator:acc_8', null)).rejects.toMatchObject({
      constraint: 'one_passing_decision_per_gate',
    });
  });

  it('a platform tenant that does not stand', async () => {
    await expect(
      plane.postgres.query(
        `insert into tenants (id, slug, name, kind, status, provisioning_state, request, created_by, suspension)
         values ('ten_p', 'platform', 'P', 'platform', 'active', 'active', '{}', 'x', '{}')`,
      ),
    ).rejects.toMatchObject({ constraint: 'platform_stands' });
  });
});
