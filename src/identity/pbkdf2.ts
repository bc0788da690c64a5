import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(pbkdf2);

export interface Pbkdf2Hash {
  digest: 'sha1' | 'sha256' | 'sha512';
  iterations: number;
  salt: Buffer;
  hash: Buffer;
}

/**
 * Two ways of writing a PBKDF2 hash (RFC 8018), both `$pbkdf2-<digest>$<cost>$<salt>$<hash>`: the PHC string format with the cost `i=600000`
 * (and `,l=32`), and the modular crypt format of passlib with the bare number and `.` for `+`. Base64 without padding.
 */
export function parsePbkdf2(text: string): Pbkdf2Hash | undefined {
  const [, digest, , iterations, salt, hash] =
    /^\$pbkdf2(?:-(sha1|sha256|sha512))?\$(i=)?([0-9]{1,8})(?:,l=[0-9]{1,3})?\$([A-Za-z0-9+/.]{8,128})\$([A-Za-z0-9+/.]{22,128})$/.exec(
      text,
    ) ?? [];
  if (iterations === undefined || salt === undefined || hash === undefined) {
    return undefined;
  }
  return {
    digest: (digest ?? 'sha1') as Pbkdf2Hash['digest'],
    iterations: Number(iterations),
    salt: fromBase64(salt),
    hash: fromBase64(hash),
  };
}

export function derivePbkdf2(
  { digest, iterations, salt, hash }: Pbkdf2Hash,
  password: string,
): Promise<Buffer> {
  return derive(password, salt, iterations, hash.length, digest);
}

function fromBase64(text: string): Buffer {
  return Buffer.from(text.replaceAll('.', '+'), 'base64');
}
