import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { type Random, randomId } from '../../kernel/random.ts';
import { ConditionFailed, type Item, type Table } from '../tables/port.ts';
import type { KeyEntries } from './key-entries.ts';
import { type KmsPrincipals, kmsKeyPolicy } from './kms-key-policy.ts';
import type { KmsKeyResources } from './kms-key-resource.ts';
import { tagNames, wrappingKeyAlias } from './kms-names.ts';

/**
 * The symmetric KMS key of one tenant that wraps its data key pairs. It lives as long as the tenant has such a pair, in the table as
 * `pk: Wrapping#<tenantId>`, `sk: wrapping-key`.
 */
export interface WrappingKeys {
  /** The instance of a key that can wrap now; made if there is none. The caller's own entry must be in the table before. */
  ensure(): Promise<string>;
  /** Removes the key if the tenant has no such pair any more, but such whose own removal has begun. Idempotent. */
  release(): Promise<void>;
}

/** After this long a removal that still stands in the table has died. */
const removalMs = 60_000;

export function openWrappingKeys(deps: {
  table: Table;
  resources: KmsKeyResources;
  prefix: string;
  tenantId: TenantId;
  entries: KeyEntries;
  principals: KmsPrincipals | undefined;
  random: Random;
  clock: Clock;
}): WrappingKeys {
  const { table, resources, prefix, tenantId, entries, principals, random, clock } = deps;
  const key = { pk: `Wrapping#${tenantId}`, sk: 'wrapping-key' };
  const context = { [tagNames.tenant]: tenantId };

  async function make(instance: string, resumed: boolean): Promise<string> {
    await resources.ensure(
      {
        alias: wrappingKeyAlias(prefix, tenantId, instance),
        instance,
        owner: tenantId,
        spec: 'SYMMETRIC_DEFAULT',
        usage: 'ENCRYPT_DECRYPT',
        description: `Tenantry: wraps the signing keys of tenant ${tenantId}`,
        tags: {
          [tagNames.deployment]: prefix,
          [tagNames.tenant]: tenantId,
          [tagNames.purpose]: 'wrapping',
          [tagNames.instance]: instance,
        },
        policy: principals && kmsKeyPolicy(principals, { kind: 'wrapping', encryptionContext: context }),
      },
      resumed,
    );
    await onlyIf(() => move(instance, 'creating', 'ready'));
    return instance;
  }

  async function move(instance: string, from: string, to: string): Promise<void> {
    await table.update(key, { set: { state: to, stateSince: clock.now() } }, [
      { attribute: 'instance', equals: instance },
      { attribute: 'state', equals: from },
    ]);
  }

  async function hasPairs(): Promise<boolean> {
    return (await entries.list()).some(({ mode, removing }) => mode === 'kms-envelope' && !removing);
  }

  async function hasWrapped(instance: string): Promise<boolean> {
    return (await entries.list()).some(
      ({ wrappingInstance, removing }) => wrappingInstance === instance && !removing,
    );
  }

  async function finishRemoval(instance: string): Promise<void> {
    await resources.remove({ alias: wrappingKeyAlias(prefix, tenantId, instance), instance }, true);
    await onlyIf(() => table.delete(key, [{ attribute: 'instance', equals: instance }]));
  }

  /** A removal that nobody goes on with: undone when it found the key in use, else completed. */
  async function settleRemoval({ instance, stateSince }: Item): Promise<void> {
    if (clock.now() - Number(stateSince) < removalMs) {
      throw new AppError('temporarily_unavailable', 'The key store cannot answer at the moment.', {
        headers: { 'Retry-After': '5' },
        detail: `the wrapping key of ${tenantId} is being removed`,
      });
    }
    if (await hasWrapped(String(instance))) {
      await onlyIf(() => move(String(instance), 'removing', 'ready'));
    } else {
      await finishRemoval(String(instance));
    }
  }

  async function begin(): Promise<{ item: Item; begun: boolean }> {
    const known = await table.get(key);
    if (known !== undefined) {
      return { item: known, begun: true };
    }
    const fresh = { ...key, instance: randomId(random), state: 'creating', stateSince: clock.now() };
    const made = await onlyIf(() => table.put(fresh, [{ exists: false }]));
    return made ? { item: fresh, begun: false } : await begin();
  }

  async function ensure(): Promise<string> {
    const { item, begun } = await begin();
    switch (item.state) {
      case 'ready':
        return String(item.instance);
      case 'creating':
        return await make(String(item.instance), begun);
      default:
        await settleRemoval(item);
        return await ensure();
    }
  }

  return {
    ensure,

    async release() {
      const item = await table.get(key);
      if (item === undefined || (await hasPairs())) {
        return;
      }
      const { instance, state } = { instance: String(item.instance), state: String(item.state) };
      // First the mark, then the second look: whoever creates a pair writes its entry first and looks for the mark then, so that one of
      // both sees the other.
      if (state !== 'removing' && !(await onlyIf(() => move(instance, state, 'removing')))) {
        return;
      }
      if (state !== 'removing' && (await hasPairs())) {
        await onlyIf(() => move(instance, 'removing', state));
        return;
      }
      await finishRemoval(instance);
    },
  };
}

/** False when the condition of the write did not hold. */
async function onlyIf(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (error instanceof ConditionFailed) {
      return false;
    }
    throw error;
  }
}
