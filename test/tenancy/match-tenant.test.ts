import { describe, expect, test } from 'vitest';
import { matchTenant } from '../../src/tenancy/match-tenant.ts';

describe('a request target addresses the tenant of its first segment (E6)', () => {
  test.each([
    '/acme',
    '/acme/',
    '/acme?x=1',
    '/acme/token',
    '/acme/auth?client_id=a%20b&x=/other/../y',
    '/acme/.well-known/openid-configuration',
    '/acme/interaction/x_Y-z~1',
    '/.well-known/oauth-authorization-server/acme',
    '/.well-known/openid-configuration/acme',
    '/.well-known/openid-configuration/acme?x=1',
  ])('%s', (target) => {
    expect(matchTenant(target)).toBe('acme');
  });

  test.each([
    ['/token/token', 'token'],
    ['/acme/other', 'acme'],
    ['/a-b/x', 'a-b'],
  ])('%s addresses %s', (target, slug) => {
    expect(matchTenant(target)).toBe(slug);
  });
});

describe('a target that is not exactly a tenant path addresses none', () => {
  test.each([
    '',
    '*',
    '/',
    '//',
    '//acme/token',
    '/acme//token',
    '/acme/token//',
    'acme/token',
    'http://localhost:3000/acme/token',
    '/Acme/token',
    '/ACME',
    '/%61cme/token',
    '/acme%2ftoken',
    '/acme%2Ftoken',
    '/acme/%2e%2e/other/token',
    '/acme/tok%65n',
    '/acme%00/token',
    '/./acme/token',
    '/../acme/token',
    '/acme/../other/token',
    '/acme/./token',
    '/acme/..',
    '/acme/.',
    '/acme\\token',
    '/acme;v=1/token',
    '/acme#/token',
    '/acme./token',
    '/.acme/token',
    '/acme\u2024/token',
    '/acm\u00e9/token',
    '/ac--me/token',
    '/acme-/token',
    '/-acme/token',
    '/1acme/token',
    '/ac/token',
    `/${'a'.repeat(41)}/token`,
    '/__proto__/token',
    '/.well-known/openid-configuration',
    '/.well-known/openid-configuration/',
    '/.well-known/openid-configuration/Acme',
    '/.well-known/openid-configuration/acme/',
    '/.well-known/openid-configuration/acme/other',
    '/.well-known/openid-configuration/../acme',
    '/.well-known/jwks/acme',
    '/.well-known/acme',
    '/.Well-known/openid-configuration/acme',
  ])('%j', (target) => {
    expect(matchTenant(target)).toBeUndefined();
  });
});
