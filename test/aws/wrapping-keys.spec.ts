import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { beforeAll, describe, expect, it } from 'vitest';
import { wrappingKeyAlias } from '../../src/cloud/keys/kms-names.ts';
import { testClock } from '../support/clock.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { listDeployedKeys } from './deployed-keys.ts';
import { emulator } from './emulators.ts';
import { deployment, tenant } from './key-stores.ts';

const data = Buffer.from('what is signed');
const refused = { code: 'server_error' };
let kms: KMSClient;

beforeAll(() => {
  kms = new KMSClient(emulator('ministack'));
});

async function statesOf(prefix: string): Promise<(string | undefined)[]> {
  return (await listDeployedKeys(kms, prefix)).map(({ KeyState }) => KeyState).sort();
}

describe('the key that wraps the key pairs of a tenant', () => {
  it('keeps one wrapping key per tenant while it has a key pair, and removes it with the last', async () => {
    const { prefix, process } = await deployment('kms-envelope');
    const { keys } = process();
    const created = [await keys.create('one', 'ES256'), await keys.create('two', 'RS256')];
    const [wrapping, ...more] = await listDeployedKeys(kms, prefix);
    expect(more).toStrictEqual([]);
    expect(wrapping).toMatchObject({
      Description: `Tenantry: wraps the signing keys of tenant ${tenant}`,
      KeySpec: 'SYMMETRIC_DEFAULT',
      KeyState: 'Enabled',
      tags: { 'tenantry:tenant': tenant, 'tenantry:purpose': 'wrapping' },
    });
    const alias = wrappingKeyAlias(prefix, tenant, wrapping?.tags['tenantry:instance'] ?? '');
    await kms.send(new DescribeKeyCommand({ KeyId: alias }));
    await keys.destroy(created[0]?.reference ?? '');
    expect((await listDeployedKeys(kms, prefix))[0]?.KeyState).toBe('Enabled');
    await keys.destroy(created[1]?.reference ?? '');
    expect((await listDeployedKeys(kms, prefix))[0]?.KeyState).toBe('PendingDeletion');

    const again = await keys.create('one', 'ES256');
    expect(await process().keys.sign(again.reference, 'ES256', data)).toHaveLength(64);
  });

  it('takes up an interrupted creation, wrapping key included', async () => {
    const { prefix, process } = await deployment('kms-envelope');
    const proxy = await startFaultProxy(emulator('ministack').endpoint);
    proxy.inject({ fault: { kind: 'lost-reply' }, when: ({ operation }) => operation === 'CreateKey' });
    const struck = process({ endpoint: proxy.endpoint });
    await expect(struck.keys.create('k', 'ES256')).rejects.toMatchObject({ code: 'temporarily_unavailable' });
    await proxy.close();
    const { reference } = await process().keys.create('k', 'ES256');
    expect(await process().keys.sign(reference, 'ES256', data)).toHaveLength(64);
    expect(await listDeployedKeys(kms, prefix)).toHaveLength(1);
  });

  it('goes on with a removal of the wrapping key that died, and undoes one that was premature', async () => {
    const clock = testClock();
    const { prefix, table: ownTable, process } = await deployment('kms-envelope', { clock });
    const entry = { pk: `Wrapping#${tenant}`, sk: 'wrapping-key' };
    const { reference } = await process().keys.create('k', 'ES256');
    const mark = () => ownTable.update(entry, { set: { state: 'removing', stateSince: clock.now() } });
    await mark();
    await expect(process().keys.create('k2', 'ES256')).rejects.toMatchObject({
      code: 'temporarily_unavailable',
    });
    clock.advance(60_000);
    const second = await process().keys.create('k2', 'ES256');
    expect((await listDeployedKeys(kms, prefix)).map(({ KeyState }) => KeyState)).toStrictEqual(['Enabled']);

    await ownTable.batchWrite(['k', 'k2'].map((sk) => ({ delete: { pk: `Key#${tenant}`, sk } })));
    await mark();
    clock.advance(60_000);
    const third = await process().keys.create('k3', 'ES256');
    expect((await listDeployedKeys(kms, prefix)).map(({ KeyState }) => KeyState).sort()).toStrictEqual([
      'Enabled',
      'PendingDeletion',
    ]);
    expect(await process().keys.sign(third.reference, 'ES256', data)).toHaveLength(64);
    for (const gone of [reference, second.reference]) {
      await expect(process().keys.sign(gone, 'ES256', data)).rejects.toMatchObject(refused);
    }
  });

  it('goes with the last of them, however many end at once', async () => {
    const { prefix, process } = await deployment('kms-envelope');
    const { keys } = process();
    const created = [await keys.create('one', 'ES256'), await keys.create('two', 'ES256')];
    await Promise.all(created.map(({ reference }) => process().keys.destroy(reference)));
    expect(await statesOf(prefix)).toStrictEqual(['PendingDeletion']);
    expect(await keys.list()).toStrictEqual([]);
  });

  it.each(['DescribeKey', 'DisableKey', 'ScheduleKeyDeletion'])(
    'goes in the end when its removal fails at %s: the pair is known until then, and signs nothing',
    async (operation) => {
      const { prefix, process } = await deployment('kms-envelope');
      const { reference } = await process().keys.create('k', 'ES256');
      const proxy = await startFaultProxy(emulator('ministack').endpoint);
      proxy.inject({ fault: { kind: 'reset' }, when: (passing) => passing.operation === operation });
      const struck = process({ endpoint: proxy.endpoint });
      await expect(struck.keys.destroy(reference)).rejects.toMatchObject({ code: 'temporarily_unavailable' });
      await proxy.close();

      const { keys } = process();
      await expect(keys.sign(reference, 'ES256', data)).rejects.toMatchObject(refused);
      await expect(keys.create('k', 'ES256')).rejects.toMatchObject({ code: 'temporarily_unavailable' });
      // As the undo of a tenant does.
      expect(await keys.list()).toStrictEqual([reference]);
      for (const left of await keys.list()) {
        await keys.destroy(left);
      }
      expect(await statesOf(prefix)).toStrictEqual(['PendingDeletion']);
      expect(await keys.list()).toStrictEqual([]);
      const again = await keys.create('k', 'ES256');
      expect(await process().keys.sign(again.reference, 'ES256', data)).toHaveLength(64);
    },
  );
});
