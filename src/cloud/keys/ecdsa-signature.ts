import { AppError } from '../../kernel/errors.ts';

const sequenceTag = 0x30;
const integerTag = 0x02;

/**
 * The ECDSA signature that KMS returns (DER, RFC 3279 §2.2.3) as JWS wants it: r‖s of `size` bytes each (RFC 7518 §3.4). Only the one DER
 * encoding of a pair of positive integers is taken; anything else is `AppError('server_error')`.
 */
export function joseSignatureOfDer(der: Uint8Array, size = 32): Buffer {
  // Two integers of at most 33 bytes: every length fits the short form.
  if (der[0] !== sequenceTag || der[1] !== der.length - 2 || der.length > 0x7f + 2) {
    throw malformed('no sequence that fills the signature');
  }
  const r = readInteger(der, 2, size);
  const s = readInteger(der, r.end, size);
  if (s.end !== der.length) {
    throw malformed('bytes after s');
  }
  return Buffer.concat([r.bytes, s.bytes]);
}

function readInteger(der: Uint8Array, start: number, size: number): { bytes: Buffer; end: number } {
  const length = der[start + 1] ?? 0;
  const end = start + 2 + length;
  if (der[start] !== integerTag || length === 0 || end > der.length) {
    throw malformed('no integer');
  }
  const content = der.subarray(start + 2, end);
  const [first = 0, second = 0] = content;
  if (first >= 0x80) {
    throw malformed('a negative integer');
  }
  // A zero byte in front is there only to keep a high bit from meaning "negative".
  if (first === 0 && second < 0x80) {
    throw malformed(length === 1 ? 'zero' : 'an integer with needless leading zeros');
  }
  const magnitude = first === 0 ? content.subarray(1) : content;
  if (magnitude.length > size) {
    throw malformed('an integer beyond the curve');
  }
  const bytes = Buffer.alloc(size);
  bytes.set(magnitude, size - magnitude.length);
  return { bytes, end };
}

function malformed(what: string): AppError {
  return new AppError('server_error', 'The signing key cannot be used.', {
    detail: `ECDSA signature of the key store: ${what}`,
  });
}
