import type { Route } from '../../src/admin/route.ts';
import { applicationTenantScopes } from '../../src/identity/admin-scopes.ts';
import { createApplicationDomains, domainProof } from '../../src/identity/application-domains.ts';
import { defaultApplicationTenantId } from '../../src/identity/application-tenant.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import type { Api } from './api-fixture.ts';

/** What is of one application tenant, by the names that paths have for such things. */
export interface Things {
  applicationTenantId: string;
  userId: string;
  otherUserId: string;
  groupId: string;
  otherGroupId: string;
  invitationId: string;
  importId: string;
  keyId: string;
  role: string;
  domain: string;
}

/** A request that is right in everything but whose things it names. */
export interface Trespass {
  /** Of the route. */
  operation: string;
  /** What the path names, where it is not the thing of that name. */
  params?(things: Things, own: Things): Readonly<Record<string, string>>;
  query?(things: Things): Readonly<Record<string, string>>;
  body?(things: Things): object;
  /** A body as it is. */
  upload?: string;
  /** It brings together what is of two application tenants, so nobody may send it. */
  mixes?: true;
  /** Nobody may send it about the default application tenant. */
  notAtDefault?: true;
  /** What the default application tenant has of this is everybody's to use. */
  sharedByDefault?: true;
}

const unique = () => systemRandom.bytes(6).toString('hex');
const newPerson = () => ({ email: `${unique()}@example.com`, name: 'New' });
const there = ({ applicationTenantId }: Things) => ({ applicationTenant: applicationTenantId });
const user = 'urn:ietf:params:scim:schemas:core:2.0:User';
const group = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const patch = (path: string, value: string) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations: [{ op: 'replace', path, value }],
});
const userId = ({ userId: id }: Things) => ({ id });
const groupId = ({ groupId: id }: Things) => ({ id });

/** Every way to name something of an application tenant; what takes a thing away comes after what else is done to it. */
export const trespasses: readonly Trespass[] = [
  { operation: 'getApplicationTenant' },
  { operation: 'updateApplicationTenant', body: () => ({ name: 'Another' }) },
  { operation: 'addApplicationDomain', body: () => ({ domain: `${unique()}.example` }) },
  { operation: 'verifyApplicationDomain' },
  { operation: 'removeApplicationDomain' },
  { operation: 'listUsers', query: there },
  { operation: 'createUser', body: (things) => ({ ...newPerson(), ...there(things) }) },
  { operation: 'createUser', body: ({ groupId: id }) => ({ ...newPerson(), groups: [id] }), mixes: true },
  {
    operation: 'createUser',
    body: ({ role }) => ({ ...newPerson(), roles: [role] }),
    mixes: true,
    sharedByDefault: true,
  },
  { operation: 'getUser' },
  { operation: 'updateUser', body: () => ({ name: 'Another' }) },
  { operation: 'endUserSessions', body: () => ({}) },
  { operation: 'resetUserFactors', body: () => ({}) },
  { operation: 'importUsers', query: there, upload: JSON.stringify({ email: 'one@example.com' }) },
  { operation: 'getUserImport' },
  { operation: 'listUserImportErrors' },
  { operation: 'exportUsers', query: there },
  { operation: 'listInvitations', query: there },
  { operation: 'createInvitation', body: (things) => ({ ...newPerson(), ...there(things) }) },
  {
    operation: 'createInvitation',
    body: ({ groupId: id }) => ({ ...newPerson(), groups: [id] }),
    mixes: true,
  },
  { operation: 'getInvitation' },
  { operation: 'resendInvitation', body: () => ({}) },
  { operation: 'revokeInvitation' },
  { operation: 'listGroups', query: there },
  { operation: 'createGroup', body: (things) => ({ name: unique(), ...there(things) }) },
  { operation: 'getGroup' },
  { operation: 'updateGroup', body: () => ({ description: 'Another' }) },
  { operation: 'listGroupMembers' },
  { operation: 'addGroupMember', body: ({ userId: id }) => ({ userId: id }) },
  {
    operation: 'addGroupMember',
    params: (_, own) => ({ groupId: own.groupId }),
    body: ({ userId: id }) => ({ userId: id }),
    mixes: true,
  },
  { operation: 'removeGroupMember' },
  { operation: 'listApplicationTenantRoles' },
  { operation: 'createApplicationTenantRole', body: () => ({ name: unique(), scopes: [] }) },
  { operation: 'getApplicationTenantRole' },
  { operation: 'updateApplicationTenantRole', body: () => ({ description: 'Another' }) },
  { operation: 'deleteApplicationTenantRole' },
  {
    operation: 'createApiKey',
    body: (things) => ({ name: 'Key', scopes: ['users:read'], ...there(things) }),
    notAtDefault: true,
  },
  { operation: 'getApiKey' },
  { operation: 'revokeApiKey' },
  { operation: 'listActivity', query: there },
  { operation: 'exportActivity', query: there },
  { operation: 'scimGetServiceProviderConfig' },
  { operation: 'scimListResourceTypes' },
  { operation: 'scimGetResourceType', params: () => ({ id: 'User' }) },
  { operation: 'scimListSchemas' },
  { operation: 'scimGetSchema', params: () => ({ id: user }) },
  { operation: 'scimListUsers' },
  { operation: 'scimCreateUser', body: () => ({ schemas: [user], userName: newPerson().email }) },
  { operation: 'scimGetUser', params: userId },
  {
    operation: 'scimGetUser',
    params: (things, own) => ({ ...userId(things), applicationTenantId: own.applicationTenantId }),
    mixes: true,
  },
  {
    operation: 'scimReplaceUser',
    params: userId,
    body: () => ({ schemas: [user], userName: newPerson().email }),
  },
  { operation: 'scimChangeUser', params: userId, body: () => patch('displayName', 'Another') },
  {
    operation: 'scimDeleteUser',
    params: (things, own) => ({ ...userId(things), applicationTenantId: own.applicationTenantId }),
    mixes: true,
  },
  { operation: 'scimDeleteUser', params: ({ otherUserId: id }) => ({ id }) },
  { operation: 'deleteUser' },
  { operation: 'scimListGroups' },
  { operation: 'scimCreateGroup', body: () => ({ schemas: [group], displayName: unique() }) },
  { operation: 'scimGetGroup', params: groupId },
  {
    operation: 'scimGetGroup',
    params: (things, own) => ({ ...groupId(things), applicationTenantId: own.applicationTenantId }),
    mixes: true,
  },
  {
    operation: 'scimReplaceGroup',
    params: groupId,
    body: () => ({ schemas: [group], displayName: unique() }),
  },
  { operation: 'scimChangeGroup', params: groupId, body: () => patch('displayName', unique()) },
  {
    operation: 'scimDeleteGroup',
    params: (things, own) => ({ ...groupId(things), applicationTenantId: own.applicationTenantId }),
    mixes: true,
  },
  { operation: 'scimDeleteGroup', params: ({ otherGroupId: id }) => ({ id }) },
  { operation: 'deleteGroup' },
];

/** Operations in which nothing of an application tenant can be named, and what they answer. */
export const nothingToName: Readonly<Record<string, string>> = {
  listApplicationTenants: "the caller's own",
  listApiKeys: "those of the caller's own",
  listRoles: "the tenant's own roles, which everybody may see",
  getRole: "one of the tenant's own roles",
};

export async function createThings(api: Api, applicationTenantId: string): Promise<Things> {
  const { accounts, groups, memberships, roles, applicationTenants, table } = await api.partsOf('acme');
  const robot = await api.robot('acme');
  const isDefault = applicationTenantId === defaultApplicationTenantId;
  const where = { applicationTenant: applicationTenantId };
  const create = async (path: string, body: object): Promise<string> =>
    (await api.post(`/api/tenants/acme/${path}`, body, robot).expect(201)).body.id;

  const account = await accounts.create({ ...newPerson(), roles: [], applicationTenantId });
  const other = await accounts.create({ ...newPerson(), roles: [], applicationTenantId });
  const made = { description: '', roles: [], applicationTenantId };
  const pilots = await groups.create({ ...made, name: unique() });
  const crowd = await groups.create({ ...made, name: unique() });
  await memberships.add(account, pilots);
  const role = { name: `Role ${unique()}`, description: '', scopes: ['fly'] };
  await roles.create(role, applicationTenantId);

  const domain = `${unique()}.example`;
  const domains = createApplicationDomains({
    table,
    clock: api.clock,
    random: systemRandom,
    applicationTenants,
    lookUpTxt: async () => [],
  });
  const present = await applicationTenants.get(applicationTenantId);
  if (present === undefined) {
    throw new Error(`no application tenant ${applicationTenantId}`);
  }
  const [noted] = (await domains.add(present, domain)).domains.slice(-1);
  const proof = noted && domainProof(noted);
  api.dns.set(proof?.name ?? '', [proof?.value ?? '']);

  const { body: uploaded } = await api.http
    .post('/api/tenants/acme/user-imports')
    .query(where)
    .auth(robot, { type: 'bearer' })
    .set('Content-Type', 'application/x-ndjson')
    .send(JSON.stringify({ email: 'one@example.com' }))
    .expect(202);
  const key = { name: 'Key', scopes: [applicationTenantScopes[0]] };
  return {
    applicationTenantId,
    userId: account.id,
    otherUserId: other.id,
    groupId: pilots.id,
    otherGroupId: crowd.id,
    invitationId: await create('invitations', { ...newPerson(), ...where }),
    importId: uploaded.id,
    keyId: await create('api-keys', isDefault ? key : { ...key, ...where }),
    role: role.name,
    domain,
  };
}

/** Names that have the form of such things, and are none. */
export const noThings: Things = {
  applicationTenantId: `apt_${'x'.repeat(22)}`,
  userId: `acc_${'x'.repeat(22)}`,
  otherUserId: `acc_${'y'.repeat(22)}`,
  groupId: `grp_${'x'.repeat(22)}`,
  otherGroupId: `grp_${'y'.repeat(22)}`,
  invitationId: `inv_${'x'.repeat(22)}`,
  importId: `imp_${'x'.repeat(22)}`,
  keyId: 'tnk_0000000000000000',
  role: 'No Role',
  domain: 'nowhere.example',
};

export async function trespass(
  api: Api,
  { method, path, takes }: Route,
  { params, query, body, upload }: Trespass,
  { token, things, own }: { token: string; things: Things; own: Things },
) {
  const values: Readonly<Record<string, string>> = { slug: 'acme', ...things, ...params?.(things, own) };
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name] ?? ''));
  const request = api.http[method.toLowerCase() as 'get' | 'post' | 'put' | 'patch' | 'delete'](filled)
    .auth(token, { type: 'bearer' })
    .set('If-Match', '*')
    .query(query?.(things) ?? {});
  if (upload !== undefined) {
    return request.set('Content-Type', 'application/x-ndjson').send(upload);
  }
  const isScim = path.includes('/scim/');
  return 'query' in takes
    ? request
    : request
        .set('Content-Type', isScim ? 'application/scim+json' : 'application/json')
        .send(JSON.stringify(body?.(things) ?? {}));
}
