import { createHash, timingSafeEqual } from 'node:crypto';
import { type Random, randomId } from '../kernel/random.ts';

/** 256 random bits, base64url: only letters, digits, `-` and `_`, so no escaping in Basic credentials. */
export function newClientSecret(random: Random): string {
  return randomId(random, 32);
}

/** A fast hash is enough for 256 random bits: there is nothing to guess. */
export function hashClientSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** Compares in constant time. */
export function isClientSecret(presented: string, hash: string): boolean {
  const expected = Buffer.from(hash);
  const actual = Buffer.from(hashClientSecret(presented));
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/** Whether the secret is one of those that count at the moment. */
export function isOneOfClientSecrets(presented: string, hashes: readonly string[]): boolean {
  return hashes.filter((hash) => isClientSecret(presented, hash)).length > 0;
}
