import { describe, expect, it } from 'vitest';
import { tenantPath } from '../../src/oidc/tenant-path.ts';

describe('the path inside a tenant', () => {
  it.each([
    ['/acme/token', '/token', '/token'],
    ['/acme/auth?a=/acme/b', '/auth?a=/acme/b', '/auth'],
    ['/acme/acme/token', '/acme/token', '/acme/token'],
    ['/acme', '/', '/'],
    ['/acme?x', '/?x', '/'],
    ['/.well-known/openid-configuration/acme', '/.well-known/openid-configuration', undefined],
    [
      '/.well-known/oauth-authorization-server/acme?x',
      '/.well-known/oauth-authorization-server?x',
      undefined,
    ],
  ])('of %s is %s', (target, url, page) => {
    expect(tenantPath(target, 'acme')).toEqual({ url, page });
  });

  it.each([
    '/acme2/token',
    '/Acme/token',
    '/%61cme/token',
    '//acme/token',
    '/x/acme/token',
    'http://host/acme/token',
    '/.well-known/openid-configuration/acme/',
    '/.well-known/openid-configuration/acme2',
    '/.well-known/jwks/acme',
    '',
  ])('is not there for %o', (target) => {
    expect(tenantPath(target, 'acme')).toBeUndefined();
  });
});
