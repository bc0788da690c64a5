import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * The token that a form carries to prove that our own page sent it. `secret` never leaves the server and belongs to one interaction or one
 * link, so the token is worth nothing anywhere else; nothing is stored, so any process can check it. `form` names the form.
 */
export function csrfToken(secret: string, form: string): string {
  return createHmac('sha256', secret).update(`csrf\0${form}`).digest('base64url');
}

/** Constant-time. */
export function isCsrfToken(secret: string, form: string, given: string | undefined): boolean {
  const expected = Buffer.from(csrfToken(secret, form));
  const actual = Buffer.from(given ?? '');
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
