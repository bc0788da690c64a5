import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { AppError } from '../../kernel/errors.ts';
import type { Random } from '../../kernel/random.ts';

/** Authenticated encryption under one master key. A sealed value opens only with the very context that it was sealed with. */
export interface Sealer {
  /** `context` names what the value is and whose; the result is printable. */
  seal(context: SealContext, plaintext: Uint8Array): string;
  /** Throws `AppError('server_error')` when the context, the master key or a single bit differs. */
  open(context: SealContext, sealed: string): Buffer;
}

/** The first part is the purpose, and purposes never share a key. */
export type SealContext = readonly [purpose: string, ...parts: string[]];

const version = 'v1.';
const nonceBytes = 12;
const tagBytes = 16;

/** AES-256-GCM; a key per context by HKDF (RFC 5869), so that random nonces stay far from their bound of 2^32 for one key. */
export function createSealer({ masterKey, random }: { masterKey: Buffer; random: Random }): Sealer {
  if (masterKey.length !== 32) {
    throw new TypeError('the master key must have 32 bytes');
  }

  function keyFor(label: Buffer): Buffer {
    return Buffer.from(hkdfSync('sha256', masterKey, '', label, 32));
  }

  return {
    seal(context, plaintext) {
      const label = labelOf(context);
      const nonce = random.bytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', keyFor(label), nonce).setAAD(label);
      const encrypted = Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
      return version + encrypted.toString('base64url');
    },

    open(context, sealed) {
      const label = labelOf(context);
      const bytes = Buffer.from(sealed.slice(version.length), 'base64url');
      // Decoding is lenient; only the one spelling that sealing wrote is taken.
      if (sealed !== version + bytes.toString('base64url') || bytes.length < nonceBytes + tagBytes) {
        throw notOpened(context);
      }
      const decipher = createDecipheriv('aes-256-gcm', keyFor(label), bytes.subarray(0, nonceBytes), {
        authTagLength: tagBytes,
      })
        .setAAD(label)
        .setAuthTag(bytes.subarray(-tagBytes));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
      } catch (cause) {
        throw notOpened(context, cause);
      }
    },
  };
}

/** JSON keeps the parts apart whatever they contain. */
function labelOf(context: SealContext): Buffer {
  return Buffer.from(JSON.stringify(['tenantry-seal', ...context]));
}

function notOpened([purpose]: SealContext, cause?: unknown): AppError {
  return new AppError('server_error', 'A stored secret cannot be opened.', {
    detail: `sealed value for "${purpose}": altered, of another owner, or sealed under another MASTER_KEY`,
    cause,
  });
}
