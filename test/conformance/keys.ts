import { createPublicKey, verify } from 'node:crypto';
import { compactVerify, importJWK } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import type { KeyStore, TenantKeys } from '../../src/cloud/keys/port.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import type { SigningAlgorithm } from '../../src/kernel/tenant.ts';

const refused = { name: 'AppError', code: 'server_error' };
const algorithms = ['ES256', 'RS256', 'PS256'] as const;
const data = Buffer.from('what is signed');

/** What every implementation of the keys port does. */
export function keysConformance(implementation: string, setUp: () => Promise<KeyStore>): void {
  describe(`keys port: ${implementation}`, () => {
    let keyStore: KeyStore;
    let tenants = 0;

    beforeAll(async () => {
      keyStore = await setUp();
    });

    function freshTenant(): TenantKeys {
      tenants += 1;
      return keyStore.forTenant(`ten_conformance${tenants}` as TenantId);
    }

    /** Builds a JWS by the store's signature and has an independent library verify it. */
    async function verifiedPayload(
      keys: TenantKeys,
      alg: SigningAlgorithm,
      payload: string,
    ): Promise<string> {
      const { reference, publicJwk } = await keys.create('k', alg);
      const head = Buffer.from(JSON.stringify({ alg })).toString('base64url');
      const input = `${head}.${Buffer.from(payload).toString('base64url')}`;
      const signature = await keys.sign(reference, alg, Buffer.from(input));
      const jws = `${input}.${Buffer.from(signature).toString('base64url')}`;
      return Buffer.from((await compactVerify(jws, await importJWK(publicJwk, alg))).payload).toString();
    }

    it.each(algorithms)('makes %s keys whose signatures verify, of short and of long input', async (alg) => {
      const keys = freshTenant();
      expect(await verifiedPayload(keys, alg, 'short')).toBe('short');
      const long = 'x'.repeat(20_000);
      expect(await verifiedPayload(keys, alg, long)).toBe(long);
    });

    it.each(algorithms)('publishes the public part of %s keys and nothing else', async (alg) => {
      const { publicJwk } = await freshTenant().create('k-1', alg);
      expect(publicJwk).toMatchObject({ kid: 'k-1', alg, use: 'sig' });
      const own = alg === 'ES256' ? ['crv', 'x', 'y'] : ['e', 'n'];
      expect(Object.keys(publicJwk).sort()).toStrictEqual(['alg', 'kid', 'kty', 'use', ...own].sort());
    });

    it('gives ES256 signatures as r and s of 32 bytes each', async () => {
      const keys = freshTenant();
      const { reference, publicJwk } = await keys.create('k', 'ES256');
      const signature = await keys.sign(reference, 'ES256', data);
      expect(signature).toHaveLength(64);
      const key = createPublicKey({ key: publicJwk as Record<string, string>, format: 'jwk' });
      expect(verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
    });

    it('creates one key per kid, however often and at once it is asked', async () => {
      const keys = freshTenant();
      const together = await Promise.all(Array.from({ length: 5 }, () => keys.create('k', 'ES256')));
      expect(new Set(together.map(({ reference }) => reference)).size).toBe(1);
      expect(await keys.create('k', 'ES256')).toStrictEqual(together[0]);
      const other = await keys.create('k2', 'ES256');
      expect(other.publicJwk.x).not.toBe(together[0]?.publicJwk.x);
    });

    it('refuses a kid that exists with another algorithm', async () => {
      const keys = freshTenant();
      await keys.create('k', 'RS256');
      await expect(keys.create('k', 'PS256')).rejects.toMatchObject(refused);
    });

    it('signs with a key only by the algorithm it was made for', async () => {
      const keys = freshTenant();
      const { reference } = await keys.create('k', 'RS256');
      await expect(keys.sign(reference, 'PS256', data)).rejects.toMatchObject(refused);
      await expect(keys.sign(reference, 'ES256', data)).rejects.toMatchObject(refused);
    });

    it('lists the keys of its tenant only', async () => {
      const [a, b] = [freshTenant(), freshTenant()];
      const one = await a.create('one', 'ES256');
      const two = await a.create('two', 'ES256');
      expect((await a.list()).sort()).toStrictEqual([one.reference, two.reference].sort());
      expect(await b.list()).toStrictEqual([]);
    });

    it('refuses every use of the reference of another tenant, before and after its owner used it', async () => {
      const [a, b] = [freshTenant(), freshTenant()];
      const { reference } = await a.create('k', 'ES256');
      await b.create('k', 'ES256');
      await expect(b.sign(reference, 'ES256', data)).rejects.toMatchObject(refused);
      await a.sign(reference, 'ES256', data);
      await expect(b.sign(reference, 'ES256', data)).rejects.toMatchObject(refused);
      await expect(b.destroy(reference)).rejects.toMatchObject(refused);
      await a.sign(reference, 'ES256', data);
    });

    it.each(['', '/', 'k', '__proto__', 'local/ten_x', 'local//k/i', '../k'])(
      'refuses %j as a reference',
      async (reference) => {
        const keys = freshTenant();
        await expect(keys.sign(reference, 'ES256', data)).rejects.toMatchObject(refused);
      },
    );

    it('destroys a key once and again, and never signs with it afterwards', async () => {
      const keys = freshTenant();
      const first = await keys.create('k', 'ES256');
      await keys.sign(first.reference, 'ES256', data);
      await keys.destroy(first.reference);
      await keys.destroy(first.reference);
      await expect(keys.sign(first.reference, 'ES256', data)).rejects.toMatchObject(refused);
      expect(await keys.list()).toStrictEqual([]);

      const second = await keys.create('k', 'ES256');
      expect(second.publicJwk.x).not.toBe(first.publicJwk.x);
      await expect(keys.sign(first.reference, 'ES256', data)).rejects.toMatchObject(refused);
      await keys.destroy(first.reference);
      expect(await keys.sign(second.reference, 'ES256', data)).toHaveLength(64);
    });

    describe('sealing', () => {
      it('returns what was sealed, each time in another dress', async () => {
        const keys = freshTenant();
        const sealed = await keys.seal('cookie-keys', Buffer.from('open sesame'));
        expect(sealed).toMatch(/^[\x21-\x7e]+$/);
        expect(sealed).not.toContain('sesame');
        expect(Buffer.from(await keys.unseal('cookie-keys', sealed)).toString()).toBe('open sesame');
        expect(await keys.seal('cookie-keys', Buffer.from('open sesame'))).not.toBe(sealed);
        expect(await keys.unseal('p', await keys.seal('p', new Uint8Array()))).toHaveLength(0);
      });

      it('opens nothing for another tenant or another purpose', async () => {
        const [a, b] = [freshTenant(), freshTenant()];
        const sealed = await a.seal('cookie-keys', Buffer.from('x'));
        await expect(b.unseal('cookie-keys', sealed)).rejects.toMatchObject(refused);
        await expect(a.unseal('database-url', sealed)).rejects.toMatchObject(refused);
      });

      it('opens nothing that was altered, shortened or made up', async () => {
        const keys = freshTenant();
        const sealed = await keys.seal('p', Buffer.from('plaintext'));
        const swapped = (at: number) =>
          sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1);
        const forgeries = [
          ...Array.from({ length: sealed.length }, (_, at) => swapped(at)),
          ...Array.from({ length: sealed.length }, (_, size) => sealed.slice(0, size)),
          `${sealed}=`,
          `${sealed}\n`,
          'plaintext',
        ];
        const outcomes = await Promise.allSettled(forgeries.map((forgery) => keys.unseal('p', forgery)));
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toStrictEqual([]);
      });
    });
  });
}
