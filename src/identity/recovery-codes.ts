import { createHash } from 'node:crypto';
import { ConditionFailed, type Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import { type Random, randomId } from '../kernel/random.ts';
import { factorKey, queryFactorItems } from './factor-items.ts';

/**
 * Codes for the day on which the phone is lost (B4). Each is 80 random bits and of use once. Only SHA-256 over account and code is stored:
 * nobody can try 2^80 inputs, so a slow hash would add nothing but its own cost.
 */
export interface RecoveryCodes {
  /** Ten new codes in place of all former ones; the only time they are shown. `setId` is no secret. */
  replace(accountId: string): Promise<{ setId: string; codes: string[] }>;
  /** Notes that the person has kept the codes of this set. False when it counts no more. */
  noteSaved(accountId: string, setId: string): Promise<boolean>;
  /** Uses a code up. Of several parallel calls with one code exactly one gets true. Upper case, spaces and look-alike letters are forgiven. */
  use(accountId: string, code: string): Promise<boolean>;
  /** Idempotent. */
  remove(accountId: string): Promise<void>;
}

/** How many codes a set has. */
export const recoveryCodeCount = 10;

/** The item that says which set counts. */
export const recoverySetName = 'recovery-set';

/** Begins the names of the codes; the set's id follows. */
export const recoveryCodePrefix = 'recovery-code#';

export function createRecoveryCodes({
  table,
  clock,
  random,
}: {
  table: Table;
  clock: Clock;
  random: Random;
}): RecoveryCodes {
  async function removeCodes(accountId: string, isRemoved: (name: string) => boolean): Promise<void> {
    const codes = await queryFactorItems(table, accountId, recoveryCodePrefix);
    const keys = codes
      .filter(({ name }) => isRemoved(name))
      .map(({ name }) => ({ delete: factorKey(accountId, name) }));
    await table.batchWrite(keys);
  }

  return {
    async replace(accountId) {
      const setId = randomId(random, 8);
      const codes = Array.from({ length: recoveryCodeCount }, () => newCode(random));
      const createdAt = new Date(clock.now()).toISOString();
      await table.batchWrite(
        codes.map((code) => ({ put: { ...codeKey(accountId, setId, code), createdAt } })),
      );
      // From this write on the new codes count and the old ones do not.
      await table.put({ ...factorKey(accountId, recoverySetName), setId, createdAt });
      await removeCodes(accountId, (name) => !name.startsWith(`${recoveryCodePrefix}${setId}#`));
      return { setId, codes };
    },

    async noteSaved(accountId, setId) {
      try {
        await table.update(factorKey(accountId, recoverySetName), { set: { saved: true } }, [
          { attribute: 'setId', equals: setId },
        ]);
        return true;
      } catch (error) {
        if (error instanceof ConditionFailed) {
          return false;
        }
        throw error;
      }
    },

    async use(accountId, text) {
      const code = readCode(text);
      const set = code === undefined ? undefined : await table.get(factorKey(accountId, recoverySetName));
      if (code === undefined || !set) {
        return false;
      }
      try {
        await table.delete(codeKey(accountId, String(set.setId), code), [{ exists: true }]);
        return true;
      } catch (error) {
        if (error instanceof ConditionFailed) {
          return false;
        }
        throw error;
      }
    },

    async remove(accountId) {
      await table.delete(factorKey(accountId, recoverySetName));
      await removeCodes(accountId, () => true);
    },
  };
}

/** Crockford's base 32: no letter that looks like a digit. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

const codeLength = 16;

/** `xxxx-xxxx-xxxx-xxxx`; five bits of a random byte per letter. */
function newCode(random: Random): string {
  const letters = [...random.bytes(codeLength)].map((byte) => alphabet[byte % alphabet.length]).join('');
  return letters.match(/.{4}/g)?.join('-') ?? letters;
}

/** The code as it was shown, or `undefined` for text that is none. */
function readCode(text: string): string | undefined {
  if (text.length > 4 * codeLength) {
    return undefined;
  }
  const letters = text.toLowerCase().replace(/[\s-]/g, '').replace(/o/g, '0').replace(/[il]/g, '1');
  const isCode = letters.length === codeLength && [...letters].every((letter) => alphabet.includes(letter));
  return isCode ? letters.match(/.{4}/g)?.join('-') : undefined;
}

function codeKey(accountId: string, setId: string, code: string) {
  const digest = createHash('sha256').update(`${accountId}\0${code}`).digest('base64url');
  return factorKey(accountId, `${recoveryCodePrefix}${setId}#${digest}`);
}
