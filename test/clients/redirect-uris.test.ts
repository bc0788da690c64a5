import { describe, expect, it } from 'vitest';
import { validateClientInput } from '../../src/clients/client-input.ts';
import { redirectUriProblems } from '../../src/clients/redirect-uris.ts';

describe('redirect URIs', () => {
  it.each([
    ['web', 'https://app.example/cb'],
    ['web', 'https://app.example:8443/cb?next=1'],
    ['spa', 'http://localhost:5173/cb'],
    ['web', 'http://127.0.0.1/cb'],
    ['web', 'http://[::1]:8080/cb'],
    ['native', 'com.example.app:/cb'],
    ['native', 'http://127.0.0.1/callback'],
    ['native', 'https://app.example/cb'],
  ] as const)('of a %s client may be %s', (type, uri) => {
    expect(redirectUriProblems(type, [uri])).toEqual([]);
  });

  it.each([
    ['web', 'http://app.example/cb'],
    ['web', 'http://localhost.evil.example/cb'],
    ['web', 'com.example.app:/cb'],
    ['spa', 'javascript:alert(1)'],
    ['web', 'https://app.example/cb#x'],
    ['web', 'https://app.example/cb#'],
    ['web', 'https://*.app.example/cb'],
    ['web', 'https://user:pass@app.example/cb'],
    ['web', 'https://app.example\\@evil.example/cb'],
    ['web', 'https://app.example/c b'],
    ['web', 'https://app.example/\n'],
    ['web', 'https://äpp.example/cb'],
    ['web', '/cb'],
    ['web', '//app.example/cb'],
    ['native', 'http://app.example/cb'],
    ['native', 'https://localhost/cb'],
    ['native', 'myapp:/cb'],
    ['native', 'javascript:alert(1)'],
    ['native', 'data:text/html,x'],
  ] as const)('of a %s client may not be %o', (type, uri) => {
    expect(redirectUriProblems(type, ['https://good.example/', uri])).toEqual([
      { field: 'redirectUris.1', message: expect.any(String) },
    ]);
  });

  it('are refused twice, and for m2m', () => {
    const uri = 'https://app.example/cb';
    expect(redirectUriProblems('web', [uri, uri])).toEqual([
      { field: 'redirectUris.1', message: 'is given twice' },
    ]);
    expect(redirectUriProblems('m2m', [uri])).toEqual([
      { field: 'redirectUris', message: expect.any(String) },
    ]);
  });
});

describe('client input', () => {
  it('reports every problem with its field', () => {
    const problems = validateClientInput({
      name: 'App',
      type: 'web',
      redirectUris: ['http://a.example', 'https://b.example'],
      postLogoutRedirectUris: ['ftp://c.example'],
    });
    expect(problems.map(({ field }) => field)).toEqual(['redirectUris.0', 'postLogoutRedirectUris.0']);
  });

  it('wants a redirect URI for everything that signs in users', () => {
    expect(validateClientInput({ name: 'App', type: 'spa' })).toMatchObject([{ field: 'redirectUris' }]);
    expect(validateClientInput({ name: 'Job', type: 'm2m' })).toEqual([]);
  });
});
