import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { joseSignatureOfDer } from '../../../src/cloud/keys/ecdsa-signature.ts';

/** DER of one integer, as an encoder of RFC 3279 signatures writes it. */
function integer(magnitude: Buffer): Buffer {
  const first = magnitude.findIndex((byte) => byte !== 0);
  const short = magnitude.subarray(first);
  const content = (short[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), short]) : short;
  return Buffer.concat([Buffer.of(0x02, content.length), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(0x30, content.length), content]);
}

const one = Buffer.from('01'.padStart(64, '0'), 'hex');
const highBit = Buffer.from('ff'.repeat(32), 'hex');

describe('DER to JOSE', () => {
  it.each([
    ['full integers', highBit, highBit],
    ['the shortest integers', one, one],
    ['31 bytes', Buffer.from(`00${'7f'.repeat(31)}`, 'hex'), highBit],
    ['31 bytes with a high bit', highBit, Buffer.from(`00${'80'.repeat(31)}`, 'hex')],
    ['a byte with a high bit alone', Buffer.from('80'.padStart(64, '0'), 'hex'), one],
    ['32 bytes without a high bit', Buffer.from('7f'.repeat(32), 'hex'), one],
  ])('pads and trims %s', (_what, r, s) => {
    expect(joseSignatureOfDer(sequence(integer(r), integer(s)))).toStrictEqual(Buffer.concat([r, s]));
  });

  it('turns what OpenSSL signs into what JWS verifies, whatever the lengths', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const lengths = new Set<number>();
    for (let round = 0; round < 600; round += 1) {
      const data = Buffer.from(`message ${round}`);
      const der = sign('sha256', data, privateKey);
      lengths.add(der.length);
      const signature = joseSignatureOfDer(der);
      expect(signature).toHaveLength(64);
      expect(verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
    }
    // Otherwise the rounds would all have been alike.
    expect(lengths.size).toBeGreaterThan(2);
  });

  const good = sequence(integer(highBit), integer(one));
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a lone tag', Buffer.of(0x30)],
    ['another tag', Buffer.concat([Buffer.of(0x31), good.subarray(1)])],
    ['a length that is too small', Buffer.concat([Buffer.of(0x30, good.length - 3), good.subarray(2)])],
    ['bytes after the sequence', Buffer.concat([good, Buffer.of(0)])],
    ['a third integer', sequence(integer(one), integer(one), integer(one))],
    ['one integer', sequence(integer(one))],
    ['an integer that overruns', Buffer.of(0x30, 6, 0x02, 1, 1, 0x02, 9, 1)],
    ['an empty integer', Buffer.of(0x30, 5, 0x02, 0, 0x02, 1, 1)],
    ['a negative integer', Buffer.of(0x30, 6, 0x02, 1, 0x80, 0x02, 1, 1)],
    ['zero', Buffer.of(0x30, 6, 0x02, 1, 0, 0x02, 1, 1)],
    ['needless zeros', Buffer.of(0x30, 7, 0x02, 2, 0, 1, 0x02, 1, 1)],
    [
      'an integer of 33 bytes',
      sequence(Buffer.concat([Buffer.of(0x02, 33), Buffer.alloc(33, 1)]), integer(one)),
    ],
    ['a long-form length', Buffer.concat([Buffer.of(0x30, 0x81, good.length - 2), good.subarray(2)])],
    ['an integer of another type', Buffer.of(0x30, 6, 0x03, 1, 1, 0x02, 1, 1)],
  ])('refuses %s', (_what, der) => {
    expect(() => joseSignatureOfDer(der)).toThrow(expect.objectContaining({ code: 'server_error' }));
  });
});
