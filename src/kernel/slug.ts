import type { Slug } from './ids.ts';

/** The slug of the tenant that holds the operators. */
export const platformSlug = 'platform' as Slug;

/** What a slug must look like, in words for an error message (D1, E6). */
export const slugRule =
  '3 to 40 characters: lower-case letters, digits and single hyphens, beginning with a letter and not ending with a hyphen';

const slugPattern = /^(?!.*--)[a-z][a-z0-9-]{1,38}[a-z0-9]$/;

/** Words that would collide with our own paths, with well-known host names, or mislead users. */
const reservedWords = new Set([
  'platform',
  'api',
  'admin',
  'administrator',
  'console',
  'app',
  'apps',
  'assets',
  'static',
  'public',
  'healthz',
  'readyz',
  'livez',
  'health',
  'status',
  'metrics',
  'well-known',
  'login',
  'logout',
  'signin',
  'signup',
  'register',
  'oauth',
  'oauth2',
  'oidc',
  'openid',
  'token',
  'jwks',
  'auth',
  'session',
  'interaction',
  'me',
  'root',
  'system',
  'internal',
  'tenantry',
  'tenant',
  'tenants',
  'registration',
  'registrations',
  'support',
  'help',
  'security',
  'www',
  'mail',
  'smtp',
  'ftp',
  'ns1',
  'ns2',
  'dns',
  'cdn',
  'docs',
  'blog',
  'localhost',
  'test',
  'example',
  'null',
  'undefined',
  'constructor',
  'prototype',
]);

/** Returns the slug when `text` has the form of one; exact and case-sensitive, no normalisation. */
export function parseSlug(text: string): Slug | undefined {
  return slugPattern.test(text) ? (text as Slug) : undefined;
}

/** True for slugs that no registration may take. */
export function isReservedSlug(slug: string): boolean {
  return reservedWords.has(slug);
}

/** A slug candidate made from a display name (B1), or `undefined` when the name yields none of the right form. */
export function slugFromName(name: string): Slug | undefined {
  const words = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  return parseSlug(words);
}
