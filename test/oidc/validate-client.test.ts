import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import type { ClientRecord } from '../../src/clients/clients.ts';
import type { SigningAlgorithm, TenantRecord } from '../../src/kernel/tenant.ts';
import { clientMetadataProblems } from '../../src/oidc/validate-client.ts';
import { tenantRecord } from '../tenancy/tenant-record.ts';

const publicJwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });

function tenantWith(...algorithms: SigningAlgorithm[]): TenantRecord {
  return {
    ...tenantRecord('acme'),
    signingKeys: algorithms.map((alg, index) => ({
      kid: `key-${index}`,
      alg,
      state: 'active',
      reference: '',
      publicJwk: publicJwk as Record<string, string> & { kty: string },
      createdAt: '2026-01-01T00:00:00.000Z',
    })),
  };
}

const client: ClientRecord = {
  clientId: 'client-1',
  name: 'Client',
  type: 'web',
  enabled: true,
  redirectUris: ['https://client.example/cb'],
  postLogoutRedirectUris: [],
  scopes: [],
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
};

it.each([
  ['a plain client', {}],
  ['a device', { type: 'device', redirectUris: [] }],
  ['a machine', { type: 'm2m', redirectUris: [] }],
  ['the tenant’s algorithm', { idTokenSignedResponseAlg: 'ES256' }],
  ['userinfo signed by the tenant', { userinfoSignedResponseAlg: 'ES256' }],
  ['pairwise subjects', { subjectType: 'pairwise' }],
  [
    'pairwise subjects of several hosts',
    {
      subjectType: 'pairwise',
      redirectUris: ['https://a.example/cb', 'https://b.example/cb'],
      sectorIdentifierUri: 'https://a.example/sector.json',
    },
  ],
  [
    'one algorithm for its assertions',
    {
      tokenEndpointAuthMethod: 'private_key_jwt',
      tokenEndpointAuthSigningAlg: 'ES256',
      jwks: { keys: [publicJwk] },
    },
  ],
  ['keys of its own', { tokenEndpointAuthMethod: 'private_key_jwt', jwks: { keys: [publicJwk] } }],
] as [string, Partial<ClientRecord>][])('takes %s', (_what, change) => {
  expect(clientMetadataProblems(tenantWith('ES256'), { ...client, ...change })).toEqual([]);
});

it.each([
  [{ idTokenSignedResponseAlg: 'RS256' }, 'idTokenSignedResponseAlg', "must be 'ES256'"],
  [{ defaultAcrValues: ['x'] }, 'defaultAcrValues', expect.stringContaining('can only contain')],
  [{ userinfoSignedResponseAlg: 'RS256' }, 'userinfoSignedResponseAlg', "must be 'ES256'"],
  [
    { subjectType: 'pairwise', redirectUris: ['https://a.example/cb', 'https://b.example/cb'] },
    'sectorIdentifierUri',
    'is mandatory property',
  ],
  [
    { subjectType: 'pairwise', sectorIdentifierUri: 'http://localhost/sector.json' },
    'sectorIdentifierUri',
    'must be a https uri',
  ],
  [{ contacts: ['nobody'] }, 'contacts', 'can only contain email addresses'],
  [{ initiateLoginUri: 'http://localhost/' }, 'initiateLoginUri', 'must be a https uri'],
  [{ tokenEndpointAuthMethod: 'private_key_jwt' }, '', 'jwks or jwks_uri is mandatory for this client'],
] as [Partial<ClientRecord>, string, string][])(
  'says of %j what is wrong with %s',
  (change, field, message) => {
    expect(clientMetadataProblems(tenantWith('ES256'), { ...client, ...change })).toEqual([
      { field, message },
    ]);
  },
);

it('knows the algorithms of the tenant', () => {
  const wish: ClientRecord = { ...client, idTokenSignedResponseAlg: 'PS256' };
  expect(clientMetadataProblems(tenantWith('ES256', 'ES256'), wish)).toHaveLength(1);
});
