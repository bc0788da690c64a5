import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAudit } from '../../src/audit/list-audit.ts';
import { verifyChain } from '../../src/audit/verify-chain.ts';
import type { OrderId, Slug } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { createApprovedTenant } from '../../src/onboarding/approved-tenant.ts';
import { listOrders } from '../../src/onboarding/read-orders.ts';
import {
  approver,
  createOnboarding,
  directoryRecord,
  oauthTeamEmail,
  publicUrl,
} from './onboarding-fixture.ts';

type Onboarding = Awaited<ReturnType<typeof createOnboarding>>;

let onboarding: Onboarding;
beforeAll(async () => {
  onboarding = await createOnboarding();
});
afterAll(() => onboarding.close());

const slugOf = (text: string) => text as Slug;

describe('submission', () => {
  it('writes order, history, audit and job together (A1, A3, A5)', async () => {
    const { id, slug, request } = await onboarding.submit({ slug: slugOf('together'), purpose: 'Pay' });
    expect(id).toMatch(/^ord_[A-Za-z0-9_-]{32}$/);
    expect(await onboarding.order(id)).toMatchObject({
      slug,
      status: 'Submitted',
      source: 'registration',
      requester: { name: 'Rita', email: 'rita@acme.example' },
      request: { purpose: 'Pay', tenant: { admin: { name: 'Rita', email: 'rita@acme.example' } } },
    });
    expect(await onboarding.history(id)).toEqual(['Submitted by rita@acme.example']);
    expect(await onboarding.jobs('registration-intake')).toContainEqual({ orderId: id });
    const { events } = await listAudit(onboarding.postgres, { tenantId: request.tenantId, limit: 10 });
    expect(events).toMatchObject([{ event: 'tenant.registration.submitted', details: { orderId: id } }]);
  });

  it('refuses a slug that is reserved, held, taken, retired, or in the directory (D1)', async () => {
    await onboarding.submit({ slug: slugOf('held-one') });
    await onboarding.postgres.query(
      `insert into slugs (slug, state) values ('taken-one', 'taken'), ('retired-one', 'retired')`,
    );
    await onboarding.directory.reserve(directoryRecord('listed-one'));
    for (const slug of ['admin', 'platform', 'held-one', 'taken-one', 'retired-one', 'listed-one']) {
      await expect(onboarding.submit({ slug: slugOf(slug) })).rejects.toMatchObject({
        code: 'slug_unavailable',
        fields: [{ field: 'slug' }],
      });
    }
  });

  it('gives a slug to one of many who ask at once', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => onboarding.submit({ slug: slugOf('contested') })),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('makes slugs from names, each a free one', async () => {
    const made = [
      await onboarding.submit({ name: 'Zürich Bank' }),
      await onboarding.submit({ name: 'Zürich Bank' }),
      await onboarding.submit({ name: 'Admin' }),
      await onboarding.submit({ name: '株式会社' }),
      await onboarding.submit({ name: `${'long '.repeat(19)}x` }),
      await onboarding.submit({ name: `${'long '.repeat(19)}x` }),
    ].map(({ slug }) => slug);
    expect(made[0]).toBe('zurich-bank');
    expect(made[1]).toMatch(/^zurich-bank-[a-z2-7]{5}$/);
    expect(made[2]).toMatch(/^admin-[a-z2-7]{5}$/);
    expect(made[3]).toMatch(/^tenant-[a-z2-7]{5}$/);
    expect(new Set(made).size).toBe(made.length);
    expect(made.every((slug) => /^(?!.*--)[a-z][a-z0-9-]{1,38}[a-z0-9]$/.test(slug))).toBe(true);
  });
});

describe('taking up', () => {
  it('moves the order to In-Process and tells the OAuth team (A2, A4)', async () => {
    const { id } = await onboarding.submit({ purpose: 'Pay\nbills' });
    await onboarding.takeUp(id);
    expect((await onboarding.order(id)).status).toBe('In-Process');
    expect(await onboarding.history(id)).toEqual([
      'Submitted by rita@acme.example',
      'In-Process by system:onboarding',
    ]);
    const mail = onboarding.mails.at(-1);
    expect(mail?.to).toBe(oauthTeamEmail);
    expect(mail?.text).toContain(`${publicUrl.origin}/api/registrations/${id}/approve`);
    expect(mail?.text).toContain('Pay\nbills');
  });

  it('is harmless when delivered again, also after the decision', async () => {
    const { id } = await onboarding.submit();
    await onboarding.takeUp(id);
    await onboarding.takeUp(id);
    await onboarding.approve(id);
    await onboarding.takeUp(id);
    expect((await onboarding.order(id)).status).toBe('Approved');
    expect(await onboarding.history(id)).toHaveLength(3);
  });

  it('waits while the platform tenant has not all its roles (C2)', async () => {
    const { id } = await onboarding.submit();
    const key = { pk: 'Role', sk: 'OAuth Team' };
    const role = await onboarding.platformTable.get(key);
    await onboarding.platformTable.delete(key);
    await expect(onboarding.takeUp(id)).rejects.toMatchObject({ code: 'temporarily_unavailable' });
    expect((await onboarding.order(id)).status).toBe('Submitted');
    await onboarding.platformTable.put(role ?? key);
    await onboarding.takeUp(id);
    expect((await onboarding.order(id)).status).toBe('In-Process');
  });
});

describe('decision', () => {
  it('approves in one transaction: order, history, tenant, job, audit (A2, A6)', async () => {
    const { id, request, slug } = await onboarding.submit();
    await onboarding.takeUp(id);
    await onboarding.approve(id);
    expect(await onboarding.order(id)).toMatchObject({ status: 'Approved', tenantId: request.tenantId });
    expect(await onboarding.history(id)).toContain('Approved by team@operators.example.com');
    const { rows } = await onboarding.postgres.query('select * from tenants where id = $1', [
      request.tenantId,
    ]);
    expect(rows).toMatchObject([
      {
        slug,
        kind: 'tenant',
        status: 'provisioning',
        provisioning_state: 'queued',
        created_by: 'team@operators.example.com',
        request: { name: 'Acme Payments', admin: { email: 'rita@acme.example' } },
      },
    ]);
    expect(await onboarding.jobs('tenant-provisioning')).toContainEqual({ tenantId: request.tenantId });
    expect(await onboarding.slugState(slug)).toBe('held');
    expect(await verifyChain(onboarding.postgres, request.tenantId)).toMatchObject({
      intact: true,
      events: 3,
    });
  });

  it('disapproves with a reason and frees the slug', async () => {
    const { id, slug } = await onboarding.submit({ slug: slugOf('refused') });
    await onboarding.takeUp(id);
    await onboarding.disapprove(id);
    expect((await onboarding.order(id)).status).toBe('Disapproved');
    expect(await onboarding.slugState(slug)).toBeUndefined();
    expect((await onboarding.submit({ slug: slugOf('refused') })).slug).toBe('refused');
  });

  it.each([
    ['before the order was taken up', 'not_ready', { taken: false, actor: approver }],
    [
      'by the requester, however the address is spelled',
      'separation_of_duties',
      { taken: true, actor: { ...approver, email: 'RITA@Acme.example' } },
    ],
    [
      'by the requester, under another name of the same mailbox',
      'separation_of_duties',
      { taken: true, actor: { ...approver, email: 'rita+team@acme.example' } },
    ],
  ])('refuses one %s and changes nothing', async (_when, code, { taken, actor }) => {
    const { id, slug } = await onboarding.submit();
    if (taken) {
      await onboarding.takeUp(id);
    }
    const before = await onboarding.order(id);
    await expect(onboarding.approve(id, actor)).rejects.toMatchObject({ code });
    await expect(onboarding.disapprove(id, actor)).rejects.toMatchObject({ code });
    expect(await onboarding.order(id)).toEqual(before);
    expect(await onboarding.slugState(slug)).toBe('held');
  });

  it.each([
    ['account', { ...approver, email: 'another@operators.example.com' }],
    ['address', { ...approver, id: 'acc_other', email: 'TEAM+x@operators.example.com' }],
  ])(
    'refuses one by whoever sent the registration signed in, known by the %s, whomever it names as requester',
    async (_by, actor) => {
      const { id } = await onboarding.submit({ submitter: approver });
      await onboarding.takeUp(id);
      expect(await onboarding.history(id)).toContain('Submitted by team@operators.example.com');
      await expect(onboarding.approve(id, actor)).rejects.toMatchObject({ code: 'separation_of_duties' });
      await expect(
        onboarding.postgres.query(
          `update orders set status = 'Approved', decided_by = $2, decided_by_email = $3 where id = $1`,
          [id, `${actor.kind}:${actor.id}`, actor.email],
        ),
      ).rejects.toMatchObject({ constraint: 'separation_of_duties' });
      await onboarding.approve(id, {
        kind: 'operator',
        id: 'acc_third',
        email: 'third@operators.example.com',
      });
    },
  );

  it('has the database refuse a requester who got past the code (C1)', async () => {
    const { id, request } = await onboarding.submit();
    await onboarding.postgres.query(
      `insert into tenants (id, slug, name, kind, status, provisioning_state, request, created_by)
       values ($1, $2, 'x', 'tenant', 'provisioning', 'queued', '{}', 'x')`,
      [request.tenantId, request.tenantId],
    );
    await expect(
      onboarding.postgres.query(
        `update orders set status = 'Approved', decided_by = 'x', decided_by_email = 'Rita@acme.example' where id = $1`,
        [id],
      ),
    ).rejects.toThrow('requester_is_not_approver');
  });

  it('lets one of many decisions at once count', async () => {
    const { id, request } = await onboarding.submit();
    await onboarding.takeUp(id);
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) =>
        index % 2 ? onboarding.approve(id) : onboarding.disapprove(id),
      ),
    );
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.map(({ reason }) => reason.code)).toEqual(Array(7).fill('already_decided'));
    expect(await onboarding.history(id)).toHaveLength(3);
    expect(await verifyChain(onboarding.postgres, request.tenantId)).toMatchObject({
      intact: true,
      events: 3,
    });
  });

  it('does not know an order that nobody submitted', async () => {
    const orderId = `ord_${'x'.repeat(32)}` as OrderId;
    await expect(onboarding.approve(orderId)).rejects.toMatchObject({ code: 'not_found' });
  });
});

it('creates approved tenants, with a history like any other (B1)', async () => {
  const created = await onboarding.postgres.transaction((transaction) =>
    onboarding.registrations.createTenant(transaction, {
      source: 'operator',
      slug: slugOf('direct'),
      request: { name: 'Direct', features: {}, securityPolicy: {}, redirectUris: [], clientType: 'web' },
      actor: approver,
    }),
  );
  expect(await onboarding.order(created.orderId)).toMatchObject({ status: 'Approved', source: 'operator' });
  expect(await onboarding.history(created.orderId)).toEqual([
    'Submitted by team@operators.example.com',
    'Approved by team@operators.example.com',
  ]);
  expect(await onboarding.jobs('tenant-provisioning')).toContainEqual({ tenantId: created.tenantId });
});

it('creates the platform tenant once, under the slug nobody else may have', async () => {
  const bootstrap = () =>
    onboarding.postgres.transaction((transaction) =>
      createApprovedTenant(
        transaction,
        { ...onboarding, random: systemRandom },
        {
          source: 'bootstrap',
          request: {
            name: 'Platform',
            features: {},
            securityPolicy: {},
            redirectUris: [],
            clientType: 'web',
          },
          actor: { kind: 'system', id: 'bootstrap' },
        },
      ),
    );
  expect(await bootstrap()).toMatchObject({ slug: 'platform' });
  await expect(bootstrap()).rejects.toMatchObject({ code: 'slug_unavailable' });
});

it('lists orders in the order in which they came', async () => {
  const all: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await listOrders(onboarding.postgres, {
      limit: 5,
      ...(cursor === undefined ? {} : { cursor }),
    });
    all.push(...page.orders.map(({ position }) => position));
    cursor = page.cursor;
  } while (cursor !== undefined);
  expect(all.length).toBeGreaterThan(10);
  expect(all).toEqual([...all].sort((a, b) => Number(a) - Number(b)));
  const { orders } = await listOrders(onboarding.postgres, { status: 'Disapproved', limit: 100 });
  expect(orders.every(({ status }) => status === 'Disapproved')).toBe(true);
  expect(orders.length).toBeGreaterThan(0);
});
