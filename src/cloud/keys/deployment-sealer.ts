import { DecryptCommand, GenerateDataKeyWithoutPlaintextCommand } from '@aws-sdk/client-kms';
import { type Random, randomId } from '../../kernel/random.ts';
import { ConditionFailed, type Item, type Table } from '../tables/port.ts';
import type { KmsConnection } from './kms-call.ts';
import { type KmsPrincipals, kmsKeyPolicy } from './kms-key-policy.ts';
import type { KmsKeyResources } from './kms-key-resource.ts';
import { sealingKeyAlias, tagNames } from './kms-names.ts';
import { present } from './kms-signing.ts';
import { createSealer, type Sealer } from './sealing.ts';

/**
 * The deployment's sealing key: one data key wrapped by one KMS key, in the key store's table as `pk: Deployment`, `sk: sealing-key`. A process
 * unwraps it once and opens the small secrets of every tenant with it, so that loading a cold tenant asks KMS for nothing.
 */
export interface DeploymentSealer {
  /** For sealing: makes the key when the deployment has none. */
  forSealing(): Promise<Sealer>;
  /** For opening what was sealed before. `undefined` when the deployment has no sealing key. */
  forOpening(): Promise<Sealer | undefined>;
}

const key = { pk: 'Deployment', sk: 'sealing-key' };

export function createDeploymentSealer(deps: {
  table: Table;
  kms: KmsConnection;
  resources: KmsKeyResources;
  prefix: string;
  principals: KmsPrincipals | undefined;
  random: Random;
}): DeploymentSealer {
  const { table, kms, resources, prefix, principals, random } = deps;
  const context = { [tagNames.deployment]: prefix, [tagNames.purpose]: 'sealing' };
  let opened: Promise<Sealer | undefined> | undefined;
  let making: Promise<void> | undefined;

  async function begin(): Promise<{ item: Item; begun: boolean }> {
    const known = await table.get(key);
    if (known !== undefined) {
      return { item: known, begun: true };
    }
    const fresh = { ...key, instance: randomId(random) };
    try {
      await table.put(fresh, [{ exists: false }]);
      return { item: fresh, begun: false };
    } catch (error) {
      if (error instanceof ConditionFailed) {
        return await begin();
      }
      throw error;
    }
  }

  async function make(): Promise<void> {
    const { item, begun } = await begin();
    if (item.wrappedKey !== undefined) {
      return;
    }
    const instance = String(item.instance);
    const alias = sealingKeyAlias(prefix, instance);
    await resources.ensure(
      {
        alias,
        instance,
        owner: 'deployment',
        spec: 'SYMMETRIC_DEFAULT',
        usage: 'ENCRYPT_DECRYPT',
        description: `Tenantry: wraps the key for small secrets of deployment ${prefix}`,
        tags: {
          [tagNames.deployment]: prefix,
          [tagNames.purpose]: 'sealing',
          [tagNames.instance]: instance,
        },
        policy: principals && kmsKeyPolicy(principals, { kind: 'wrapping', encryptionContext: context }),
      },
      begun,
    );
    const { CiphertextBlob } = await kms.manage((client, options) =>
      client.send(
        new GenerateDataKeyWithoutPlaintextCommand({
          KeyId: alias,
          KeySpec: 'AES_256',
          EncryptionContext: context,
        }),
        options,
      ),
    );
    const wrappedKey = Buffer.from(present(CiphertextBlob, 'wrapped key')).toString('base64');
    try {
      await table.update(key, { set: { wrappedKey } }, [
        { attribute: 'instance', equals: instance },
        { attribute: 'wrappedKey', absent: true },
      ]);
    } catch (error) {
      // Another process was first; its key is the deployment's.
      if (!(error instanceof ConditionFailed)) {
        throw error;
      }
    }
  }

  async function open(): Promise<Sealer | undefined> {
    const item = await table.get(key);
    if (item?.wrappedKey === undefined) {
      return undefined;
    }
    const { Plaintext } = await kms.use((client, options) =>
      client.send(
        new DecryptCommand({
          KeyId: sealingKeyAlias(prefix, String(item.instance)),
          CiphertextBlob: Buffer.from(String(item.wrappedKey), 'base64'),
          EncryptionContext: context,
        }),
        options,
      ),
    );
    return createSealer({ masterKey: Buffer.from(present(Plaintext, 'plaintext')), random });
  }

  /** Shared by concurrent callers; neither a failure nor an absence is remembered. */
  async function forOpening(): Promise<Sealer | undefined> {
    const opening = opened ?? open();
    opened = opening;
    try {
      const sealer = await opening;
      if (sealer === undefined && opened === opening) {
        opened = undefined;
      }
      return sealer;
    } catch (error) {
      if (opened === opening) {
        opened = undefined;
      }
      throw error;
    }
  }

  return {
    forOpening,

    async forSealing() {
      const known = await forOpening();
      if (known !== undefined) {
        return known;
      }
      making ??= make().finally(() => {
        making = undefined;
      });
      await making;
      return present(await forOpening(), 'the sealing key');
    },
  };
}
