import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClients } from '../../src/clients/clients.ts';
import { createAccounts } from '../../src/identity/accounts.ts';
import { tenantScopes } from '../../src/identity/admin-scopes.ts';
import { createLinks } from '../../src/identity/links.ts';
import { createRoles } from '../../src/identity/roles.ts';
import { createPolicyStore } from '../../src/identity/security-policy.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { PermanentJobError } from '../../src/platform/queue.ts';
import {
  auditedEvents,
  type ControlPlane,
  slugState,
  startControlPlane,
  tenantRow,
} from './control-plane.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane.close());

describe('a run that succeeds', () => {
  it('makes an approved tenant active, with everything the request asked for', async () => {
    const { tenantId, slug } = await plane.order();
    const noticed: string[] = [];
    await plane.provisioning({ onStatusChanged: (changed) => noticed.push(changed) }).run(tenantId);

    const record = await plane.directory.get(slug);
    expect(record).toMatchObject({ id: tenantId, status: 'active', provisioning: { state: 'active' } });
    expect(record?.signingKeys).toMatchObject([{ alg: 'ES256', state: 'active' }]);
    expect(record?.provisioning.steps.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'preconditions done',
      'reserve-directory done',
      'signing-keys done',
      'tenant-table done',
      'defaults done',
      'first-client done',
      'validation done',
      'initial-admin done',
      'activate done',
      'compliance done',
      'receipt done',
    ]);
    const cookieKeys = JSON.parse(
      Buffer.from(
        await plane.keyStore.forTenant(tenantId).unseal('cookie-keys', record?.sealedCookieKeys ?? ''),
      ).toString(),
    );
    expect(cookieKeys).toHaveLength(2);

    const table = plane.tables.open(record?.tableName ?? '');
    const stores = { table, clock: plane.clock, random: systemRandom };
    expect((await createRoles(stores).list()).map(({ name }) => name)).toEqual(['Admin', 'Member', 'Viewer']);
    expect((await createPolicyStore(stores).get()).session.timeoutSeconds).toBe(1800);
    expect(await createClients(stores).get(`${slug}-web`)).toMatchObject({
      type: 'web',
      redirectUris: ['https://app.acme.example/callback'],
    });
    expect(await createAccounts(stores).findByEmail('default', 'ada@acme.example')).toMatchObject({
      roles: ['Admin'],
      emailVerified: false,
    });
    expect(noticed).toEqual([slug]);
    expect(await tenantRow(plane.postgres, tenantId)).toEqual({
      status: 'active',
      provisioning_state: 'active',
    });
    expect(await slugState(plane.postgres, slug)).toBe('taken');
    expect(await auditedEvents(plane.postgres, tenantId)).toEqual([
      'tenant.provisioning.started',
      'tenant.validated',
      'tenant.created',
      'client.created',
      'client.created',
      'tenant.admin-invited',
      'tenant.activated',
      'tenant.compliance-reviewed',
      'tenant.provisioning.completed',
    ]);
  });

  it('invites the admin by a link that works once, names the client for its secret, and carries no password', async () => {
    const { tenantId, slug } = await plane.order({ admin: { name: 'Bea', email: 'bea@acme.example' } });
    await plane.provisioning().run(tenantId);

    const [mail, ...others] = plane.mails.filter(({ to }) => to === 'bea@acme.example');
    expect(others).toEqual([]);
    const token = mail?.text.match(new RegExp(`^http://localhost:3000/${slug}/invitation/(\\S+)$`, 'm'))?.[1];
    expect(token).toBeDefined();
    expect(mail?.text).not.toMatch(/secret/i);
    const table = plane.tables.open(`${plane.tablePrefix}-tenant-${tenantId}`);
    const links = createLinks({ table, clock: plane.clock, random: systemRandom });
    expect(await links.peek(token ?? '', 'invitation')).toMatchObject({
      data: { firstClientId: `${slug}-web` },
    });
    const { rows } = await plane.postgres.query<{ dump: string }>(
      `select (select json_agg(s) from provisioning_steps s)::text
           || (select json_agg(a) from audit_events a)::text as dump`,
    );
    expect(rows[0]?.dump).toContain(tenantId);
    expect(rows[0]?.dump).not.toContain(token);
  });

  it.each(['spa', 'native'] as const)(
    'names a public %s client, which has no secret, in the invitation',
    async (clientType) => {
      const redirectUris = clientType === 'spa' ? ['https://acme.example/cb'] : ['http://127.0.0.1/cb'];
      const { tenantId, slug } = await plane.order({
        clientType,
        redirectUris,
        admin: { name: 'Cy', email: `${clientType}@acme.example` },
      });
      const provisioning = plane.provisioning();
      await provisioning.run(tenantId);
      expect((await provisioning.readProgress(tenantId))?.firstClientId).toBe(`${slug}-${clientType}`);
      const table = plane.tables.open(`${plane.tablePrefix}-tenant-${tenantId}`);
      const token = plane.mails
        .find(({ to }) => to === `${clientType}@acme.example`)
        ?.text.match(/invitation\/(\S+)/)?.[1];
      const links = createLinks({ table, clock: plane.clock, random: systemRandom });
      expect(await links.peek(token ?? '', 'invitation')).toMatchObject({
        data: { firstClientId: `${slug}-${clientType}` },
      });
      const clients = createClients({ table, clock: plane.clock, random: systemRandom });
      expect(await clients.getWithSecretHashes(`${slug}-${clientType}`)).toMatchObject({ hashes: [] });
    },
  );

  it('has no steps for what nobody asked for', async () => {
    const { tenantId } = await plane.order({ redirectUris: [] });
    await plane.postgres.query(`update tenants set request = request - 'admin' where id = $1`, [tenantId]);
    const mailsBefore = plane.mails.length;
    const provisioning = plane.provisioning();
    await provisioning.run(tenantId);
    const progress = await provisioning.readProgress(tenantId);
    expect(progress?.state).toBe('active');
    expect(progress?.steps.map(({ name }) => name)).toEqual([
      'preconditions',
      'reserve-directory',
      'signing-keys',
      'tenant-table',
      'defaults',
      'first-client',
      'validation',
      'activate',
      'compliance',
      'receipt',
    ]);
    expect(plane.mails).toHaveLength(mailsBefore);
  });

  it('begins with a machine client that may manage the tenant when no redirect URI is named', async () => {
    const admin = { name: 'Di', email: 'di@acme.example' };
    const { tenantId, slug } = await plane.order({ redirectUris: [], admin });
    await plane.provisioning().run(tenantId);
    const table = plane.tables.open(`${plane.tablePrefix}-tenant-${tenantId}`);
    const stores = { table, clock: plane.clock, random: systemRandom };
    const clients = createClients(stores);
    expect(await clients.get(`${slug}-m2m`)).toMatchObject({ type: 'm2m', scopes: tenantScopes });
    expect(await clients.get('tenantry-cli')).toMatchObject({
      type: 'native',
      deviceFlow: true,
      scopes: tenantScopes,
    });
    const token = plane.mails.find(({ to }) => to === admin.email)?.text.match(/invitation\/(\S+)/)?.[1];
    expect(await createLinks(stores).peek(token ?? '', 'invitation')).toMatchObject({
      data: { firstClientId: `${slug}-m2m` },
    });
  });

  it('changes nothing when its job is delivered again', async () => {
    const { tenantId, slug } = await plane.order();
    const provisioning = plane.provisioning();
    await provisioning.run(tenantId);
    const before = [await plane.directory.get(slug), plane.mails.length];
    await provisioning.job.run({ tenantId }, AbortSignal.timeout(60_000));
    expect([await plane.directory.get(slug), plane.mails.length]).toEqual(before);
  });

  it('refuses a job for a tenant that does not exist for good', async () => {
    await expect(plane.provisioning().run('ten_none' as TenantId)).rejects.toThrow(PermanentJobError);
  });
});
