import { beforeAll, describe, expect, it } from 'vitest';
import type { Table } from '../../src/cloud/tables/port.ts';
import {
  adminScopesOfRoles,
  defaultTenantRoles,
  operatorRoles,
  tenantScopes,
} from '../../src/identity/admin-scopes.ts';
import { createGroups, defaultTenantGroups } from '../../src/identity/groups.ts';
import { createRoles } from '../../src/identity/roles.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { testClock } from '../support/clock.ts';
import { createTenantTable } from './identity-table.ts';

let table: Table;

beforeAll(async () => {
  ({ table } = await createTenantTable());
});

describe('roles', () => {
  it('keeps, lists and replaces', async () => {
    const roles = createRoles({ table });
    for (const role of defaultTenantRoles) {
      await roles.put(role);
    }
    expect(await roles.get('Admin')).toEqual(defaultTenantRoles[0]);
    expect(await roles.get('Nobody')).toBeUndefined();
    await roles.put({ name: 'Viewer', description: 'Looks', scopes: ['read', 'list'] });
    expect((await roles.list()).map(({ name }) => name)).toEqual(['Admin', 'Member', 'Viewer']);
    expect(await roles.scopesOf(['Viewer'])).toEqual(['read', 'list']);
  });

  it('joins the scopes of several, once each, and ignores unknown names', async () => {
    const roles = createRoles({ table });
    for (const role of defaultTenantRoles) {
      await roles.put(role);
    }
    expect(await roles.scopesOf(['Member', 'Viewer', 'Member', 'Nobody'])).toEqual(['read', 'write']);
    expect(await roles.scopesOf([])).toEqual([]);
  });
});

it('keeps groups, whose default roles exist', async () => {
  const groups = createGroups({ table, clock: testClock(), random: systemRandom });
  const names = defaultTenantRoles.map(({ name }) => name);
  for (const group of defaultTenantGroups) {
    await groups.put(group);
    expect(await groups.get(group.id)).toMatchObject(group);
    expect(await groups.findByName('default', group.name.toUpperCase())).toMatchObject(group);
    expect(names).toEqual(expect.arrayContaining([...group.roles]));
  }
  expect(await groups.get('grp_nobody')).toBeUndefined();
});

it('keeps the roles of application tenants apart, and counts those of the tenant in all of them (E2)', async () => {
  const roles = createRoles({ table });
  await roles.put({ name: 'Everywhere', description: '', scopes: ['read'] });
  await roles.create({ name: 'Buyer', description: '', scopes: ['buy'] }, 'apt_one');
  expect(await roles.scopesOf(['Everywhere', 'Buyer'], 'apt_one')).toEqual(['read', 'buy']);
  expect(await roles.scopesOf(['Everywhere', 'Buyer'], 'apt_two')).toEqual(['read']);
  expect(await roles.scopesOf(['Everywhere', 'Buyer'])).toEqual(['read']);
  expect((await roles.list('apt_one')).map(({ name }) => name)).toEqual(['Buyer']);
  await expect(
    roles.create({ name: 'Everywhere', description: '', scopes: ['admin'] }, 'apt_one'),
  ).rejects.toMatchObject({ code: 'conflict' });
  // One that got there before the tenant had a role of that name counts no more.
  await roles.put({ name: 'Everywhere', description: '', scopes: ['admin'] }, 'apt_one');
  expect(await roles.scopesOf(['Everywhere'], 'apt_one')).toEqual(['read']);
});

it('replaces a role only as it was read', async () => {
  const roles = createRoles({ table });
  const role = { name: 'Clerk', description: 'Before', scopes: ['read'] };
  await roles.create(role);
  await roles.replace(role, { ...role, description: 'After' });
  await expect(roles.replace(role, { ...role, scopes: ['admin'] })).rejects.toMatchObject({
    code: 'precondition_failed',
  });
  expect(await roles.get('Clerk')).toEqual({ ...role, description: 'After' });
  await roles.remove('Clerk');
  expect(await roles.get('Clerk')).toBeUndefined();
});

describe('admin scopes', () => {
  it('come from the word admin in a tenant, and never reach the platform', () => {
    expect(adminScopesOfRoles('tenant', ['read', 'admin'])).toEqual([...tenantScopes]);
    expect(adminScopesOfRoles('tenant', ['read', 'registrations:decide', 'tenants:read'])).toEqual([]);
  });

  it('reach no further than the application tenant in which the word is given (E2)', () => {
    const scopes = adminScopesOfRoles('tenant', ['admin'], 'apt_one');
    expect(scopes).toContain('users:write');
    expect(scopes).not.toContain('clients:read');
    expect(adminScopesOfRoles('platform', ['admin', 'users:write'], 'apt_one')).toEqual([]);
  });

  it('let no operator role both create tenants and decide registrations (C1)', () => {
    for (const { scopes } of operatorRoles) {
      const allowed = adminScopesOfRoles('platform', scopes);
      expect(allowed.includes('admin') && allowed.includes('registrations:decide')).toBe(false);
    }
  });
});
