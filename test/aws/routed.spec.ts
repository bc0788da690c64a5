import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createLocalKeyStore } from '../../src/cloud/keys/local.ts';
import { createRoutedKeyStore } from '../../src/cloud/keys/routed.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import type { KeyMode } from '../../src/kernel/tenant.ts';
import { keysConformance } from '../conformance/keys.ts';
import { createEmulatorKeyStore, createKeysTable } from './key-stores.ts';

const tenant = 'ten_routed' as TenantId;
const data = Buffer.from('what is signed');

/** A deployment whose setting may change: each call is a process that started with `mode`. */
async function deployment() {
  const table = await createKeysTable('ministack');
  const common = { table, random: systemRandom, clock: systemClock };
  const local = createLocalKeyStore({ ...common, masterKey: randomBytes(32) });
  const kms = createEmulatorKeyStore('ministack', 'kms', { table });
  return (mode: KeyMode) => createRoutedKeyStore({ mode, local, kms }).forTenant(tenant);
}

keysConformance('routed, new keys wrapped by KMS', async () => {
  const table = await createKeysTable('ministack');
  const common = { table, random: systemRandom, clock: systemClock };
  return createRoutedKeyStore({
    mode: 'kms-envelope',
    local: createLocalKeyStore({ ...common, masterKey: randomBytes(32) }),
    kms: createEmulatorKeyStore('ministack', 'kms-envelope', { table }),
  });
});

describe('a deployment that moves', () => {
  it('keeps every key where it was made, and makes new ones where it is told', async () => {
    const process = await deployment();
    const modes: KeyMode[] = ['local', 'kms', 'kms-envelope', 'local'];
    const references: string[] = [];
    for (const [index, mode] of modes.entries()) {
      references.push((await process(mode).create(`k${index}`, 'ES256')).reference);
    }
    expect(references.map((reference) => reference.split('/')[0])).toStrictEqual(modes);
    for (const mode of ['local', 'kms'] as const) {
      const keys = process(mode);
      expect((await keys.list()).toSorted()).toStrictEqual(references.toSorted());
      for (const reference of references) {
        expect(await keys.sign(reference, 'ES256', data)).toHaveLength(64);
      }
    }
    for (const reference of references) {
      await process('kms').destroy(reference);
      await expect(process('kms').sign(reference, 'ES256', data)).rejects.toMatchObject({
        code: expect.stringMatching(/^(server_error|temporarily_unavailable)$/),
      });
    }
    expect(await process('local').list()).toStrictEqual([]);
  });

  it('finds a key that was begun before the move', async () => {
    const process = await deployment();
    for (const [kid, before, after] of [
      ['a', 'local', 'kms'],
      ['b', 'kms', 'local'],
    ] as const) {
      const first = await process(before).create(kid, 'ES256');
      expect(await process(after).create(kid, 'ES256')).toStrictEqual(first);
    }
  });

  it('opens what was sealed before, and seals anew where it is', async () => {
    const process = await deployment();
    const before = await process('local').seal('cookie-keys', Buffer.from('before'));
    const after = await process('kms').seal('cookie-keys', Buffer.from('after'));
    for (const mode of ['local', 'kms-envelope'] as const) {
      expect(String(await process(mode).unseal('cookie-keys', before))).toBe('before');
      expect(String(await process(mode).unseal('cookie-keys', after))).toBe('after');
    }
    const disguised = after.replace(/^kms\./, '');
    await expect(process('kms').unseal('cookie-keys', disguised)).rejects.toMatchObject({
      code: 'server_error',
    });
  });

  it('makes a single key elsewhere when asked to', async () => {
    const process = await deployment();
    const { reference } = await process('kms').create('k', 'ES256', 'kms-envelope');
    expect(reference).toMatch(/^kms-envelope\//);
    const { reference: local } = await process('kms').create('l', 'ES256', 'local');
    expect(local).toMatch(/^local\//);
  });
});
