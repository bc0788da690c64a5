import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  type KeyMetadata,
  type KeySpec,
  type KeyUsageType,
  ListAliasesCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import type { Logger } from 'pino';
import { AppError } from '../../kernel/errors.ts';
import { sdkError } from '../sdk-faults.ts';
import type { FairRate } from './fair-rate.ts';
import { isUnknownKey, type KmsConnection } from './kms-call.ts';
import { tagNames } from './kms-names.ts';

/** One KMS key as it is meant to be. `alias` and the `instance` tag are unique to it. */
export interface KmsKeyPlan {
  alias: string;
  /** Random; written to the key store's table before the key is made. */
  instance: string;
  /** Whom the rationing of CreateKey counts. */
  owner: string;
  spec: KeySpec;
  usage: KeyUsageType;
  description: string;
  tags: Readonly<Record<string, string>>;
  /** Absent: the account's default key policy, under which IAM policies decide alone. */
  policy: string | undefined;
}

/** Makes KMS keys and schedules their deletion, each safely after a crash at any point. */
export interface KmsKeyResources {
  /**
   * The id of the key of this plan, usable through its alias when this resolves. `resumed`: an earlier attempt may have made the key and
   * died before it had its alias; then such a key is searched for by its tags and adopted.
   */
  ensure(plan: KmsKeyPlan, resumed: boolean): Promise<string>;
  /**
   * Disables the key and schedules its deletion. Idempotent. `unfinished`: creation never came to its end, so a key without alias is
   * searched for too.
   */
  remove(key: { alias: string; instance: string }, unfinished: boolean): Promise<void>;
}

const settleAttempts = 8;

export function createKmsKeyResources(deps: {
  kms: KmsConnection;
  createRate: FairRate;
  /** 7 to 30. */
  deletionWindowDays: number;
  log: Logger;
}): KmsKeyResources {
  const { kms, createRate, deletionWindowDays, log } = deps;

  async function describe(keyId: string): Promise<KeyMetadata | undefined> {
    try {
      const { KeyMetadata } = await kms.manage((client, options) =>
        client.send(new DescribeKeyCommand({ KeyId: keyId }), options),
      );
      return KeyMetadata;
    } catch (error) {
      if (isUnknownKey(error)) {
        return undefined;
      }
      throw error;
    }
  }

  async function create(plan: KmsKeyPlan): Promise<string> {
    await createRate.take(plan.owner);
    // Not repeated after a lost reply: that would leave a second key. The next attempt finds the first one by its tags.
    const { KeyMetadata } = await kms.manageOnce((client, options) =>
      client.send(
        new CreateKeyCommand({
          KeySpec: plan.spec,
          KeyUsage: plan.usage,
          Description: plan.description,
          Tags: Object.entries(plan.tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })),
          // The safety check wants whoever makes the key to be able to change its policy later. That is what the policy keeps from us; the
          // account's administrators can.
          ...(plan.policy === undefined ? {} : { Policy: plan.policy, BypassPolicyLockoutSafetyCheck: true }),
        }),
        options,
      ),
    );
    const keyId = idOf(KeyMetadata, plan.alias);
    log.info({ keyId, alias: plan.alias }, 'KMS key created');
    return keyId;
  }

  async function nameKey(plan: KmsKeyPlan, keyId: string): Promise<string> {
    try {
      // A key takes a moment until it is known everywhere in KMS.
      await settled(() =>
        kms.manage((client, options) =>
          client.send(new CreateAliasCommand({ AliasName: plan.alias, TargetKeyId: keyId }), options),
        ),
      );
    } catch (error) {
      if (sdkError(error).name !== 'AlreadyExistsException') {
        throw error;
      }
    }
    const named = await settled(async () => await existing(plan.alias));
    if (named !== keyId) {
      log.warn({ keyId, named, alias: plan.alias }, 'another process made this KMS key first');
      await scheduleDeletion(keyId);
    }
    return named;
  }

  /** The id of the key behind the alias; KMS's own error when there is none. */
  async function existing(alias: string): Promise<string> {
    const { KeyMetadata } = await kms.manage((client, options) =>
      client.send(new DescribeKeyCommand({ KeyId: alias }), options),
    );
    return idOf(KeyMetadata, alias);
  }

  async function scheduleDeletion(keyId: string): Promise<void> {
    const metadata = await describe(keyId);
    if (metadata === undefined || metadata.KeyState === 'PendingDeletion') {
      return;
    }
    try {
      await kms.manage((client, options) => client.send(new DisableKeyCommand({ KeyId: keyId }), options));
      await kms.manage((client, options) =>
        client.send(
          new ScheduleKeyDeletionCommand({ KeyId: keyId, PendingWindowInDays: deletionWindowDays }),
          options,
        ),
      );
      log.info({ keyId, deletionWindowDays }, 'KMS key disabled, deletion scheduled');
    } catch (error) {
      // Somebody else was faster.
      const now = await describe(keyId);
      if (now !== undefined && now.KeyState !== 'PendingDeletion') {
        throw error;
      }
    }
  }

  /** Keys with this instance tag that have no alias. Only keys without any alias are looked at closely: hardly any in an account. */
  async function findUnnamed(instance: string): Promise<string[]> {
    const named = new Set<string>();
    await eachPage(async (Marker) => {
      const page = await kms.manage((client, options) =>
        client.send(new ListAliasesCommand({ Limit: 100, ...Marker }), options),
      );
      for (const { TargetKeyId } of page.Aliases ?? []) {
        named.add(TargetKeyId ?? '');
      }
      return page;
    });
    const unnamed: string[] = [];
    await eachPage(async (Marker) => {
      const page = await kms.manage((client, options) =>
        client.send(new ListKeysCommand({ Limit: 1_000, ...Marker }), options),
      );
      unnamed.push(...(page.Keys ?? []).flatMap(({ KeyId }) => (KeyId && !named.has(KeyId) ? [KeyId] : [])));
      return page;
    });
    const found: string[] = [];
    for (const keyId of unnamed) {
      if ((await instanceTag(keyId)) === instance) {
        found.push(keyId);
      }
    }
    return found;
  }

  async function instanceTag(keyId: string): Promise<string | undefined> {
    try {
      const { Tags } = await kms.manage((client, options) =>
        client.send(new ListResourceTagsCommand({ KeyId: keyId }), options),
      );
      return Tags?.find(({ TagKey }) => TagKey === tagNames.instance)?.TagValue;
    } catch (error) {
      // Not ours: ours can be read.
      if (isUnknownKey(error) || sdkError(error).name === 'AccessDeniedException') {
        return undefined;
      }
      throw error;
    }
  }

  /** The key that an earlier attempt left without a name; more than one only after several lost replies. */
  async function adoptable(instance: string): Promise<string | undefined> {
    const usable: string[] = [];
    for (const keyId of await findUnnamed(instance)) {
      if ((await describe(keyId))?.KeyState === 'Enabled') {
        usable.push(keyId);
      }
    }
    const [first, ...surplus] = usable;
    for (const keyId of surplus) {
      await scheduleDeletion(keyId);
    }
    return first;
  }

  return {
    async ensure(plan, resumed) {
      if (resumed) {
        const known = await describe(plan.alias);
        if (known !== undefined) {
          return idOf(known, plan.alias);
        }
        const left = await adoptable(plan.instance);
        if (left !== undefined) {
          log.warn({ keyId: left, alias: plan.alias }, 'KMS key of an interrupted creation found');
          return await nameKey(plan, left);
        }
      }
      return await nameKey(plan, await create(plan));
    },

    async remove({ alias, instance }, unfinished) {
      const known = await describe(alias);
      if (known !== undefined) {
        await scheduleDeletion(idOf(known, alias));
      }
      if (unfinished) {
        for (const keyId of await findUnnamed(instance)) {
          await scheduleDeletion(keyId);
        }
      }
    },
  };
}

function idOf(metadata: KeyMetadata | undefined, alias: string): string {
  if (metadata?.KeyId === undefined) {
    throw new AppError('server_error', 'The signing key cannot be used.', {
      detail: `KMS: ${alias} has no id`,
    });
  }
  return metadata.KeyId;
}

/** Repeats while KMS does not know yet what it was just told. */
async function settled<T>(step: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await step();
    } catch (error) {
      if (!isUnknownKey(error) || attempt === settleAttempts) {
        throw error;
      }
      await delay(50 * 2 ** attempt);
    }
  }
}

type Marker = { Marker?: string };

async function eachPage(
  read: (marker: Marker) => Promise<{ Truncated?: boolean | undefined; NextMarker?: string | undefined }>,
): Promise<void> {
  let marker: Marker | undefined = {};
  while (marker !== undefined) {
    const { Truncated, NextMarker } = await read(marker);
    marker = Truncated === true && NextMarker !== undefined ? { Marker: NextMarker } : undefined;
  }
}
