import { randomBytes } from 'node:crypto';

/** Cryptographic randomness, passed in so that tests can fix it. */
export interface Random {
  bytes(size: number): Buffer;
}

export const systemRandom: Random = { bytes: (size) => randomBytes(size) };

/** A URL-safe identifier of `size` random bytes (default 16: 128 bits, base64url, 22 characters). */
export function randomId(random: Random, size = 16): string {
  return random.bytes(size).toString('base64url');
}
