import { timingSafeEqual } from 'node:crypto';
import { hash, type Options, verify } from '@node-rs/argon2';
import { verify as verifyBcrypt } from '@node-rs/bcrypt';
import { createFairGate } from './fair-gate.ts';
import { derivePbkdf2, parsePbkdf2 } from './pbkdf2.ts';

/** argon2id (the library's default algorithm) at the OWASP minimum: 19 MiB, two passes, one lane. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } satisfies Options;

const presentPrefix = `$argon2id$v=19$m=${cost.memoryCost},t=${cost.timeCost},p=${cost.parallelism}$`;

/**
 * A hash that was made elsewhere may cost a hundred times what one of ours does, and all of them are computed on the few threads that files and
 * name look-ups need, too. So this process computes two at once, of each tenant in turn.
 */
const foreignHashes = createFairGate({ atOnce: 2, maxWaiting: 16 });

/** Longer input is refused unhashed, so that nobody makes us chew on megabytes. Characters after normalisation. */
export const maxPasswordLength = 256;

/** PHC string of the password in Unicode NFKC, so that the same characters typed on another keyboard match. */
export function hashPassword(password: string): Promise<string> {
  return hash(password.normalize('NFKC'), cost);
}

/** Whether the hash is what `hashPassword` makes today; any other is replaced at the next sign-in. */
export function isPresentHash(passwordHash: string): boolean {
  return passwordHash.startsWith(presentPrefix);
}

/**
 * Spends the same time whether or not the password matches; a `passwordHash` of `undefined` never matches, in the time that one of ours takes.
 * Hashes made elsewhere are compared with the password as it was typed; `AppError('temporarily_unavailable')` when too many of `owner`, who is
 * any name of the tenant, wait to be compared.
 */
export async function verifyPasswordHash(
  passwordHash: string | undefined,
  password: string,
  owner: string,
): Promise<boolean> {
  if (passwordHash === undefined || isPresentHash(passwordHash)) {
    const matches = await verify(passwordHash ?? unmatchableHash, password.normalize('NFKC'));
    return matches && passwordHash !== undefined;
  }
  return foreignHashes(owner, () => verifyForeignHash(passwordHash, password));
}

async function verifyForeignHash(passwordHash: string, password: string): Promise<boolean> {
  if (bcryptPattern.test(passwordHash)) {
    return verifyBcrypt(password, passwordHash);
  }
  const pbkdf2 = parsePbkdf2(passwordHash);
  if (pbkdf2 !== undefined) {
    return timingSafeEqual(await derivePbkdf2(pbkdf2, password), pbkdf2.hash);
  }
  return (
    (await verify(passwordHash, password)) ||
    (password.normalize('NFKC') !== password && (await verify(passwordHash, password.normalize('NFKC'))))
  );
}

/**
 * What is wrong with a hash that was made elsewhere, or `undefined` when a password can be compared with it. Costs are bounded in both
 * directions: a hash that anybody breaks is no protection, and one that takes seconds would be a way to stop us.
 */
export function foreignHashProblem(passwordHash: string): string | undefined {
  if (passwordHash.length > 512) {
    return 'is too long';
  }
  const bcrypt = bcryptPattern.exec(passwordHash);
  if (bcrypt) {
    const rounds = Number(bcrypt[1]);
    return rounds >= 8 && rounds <= 13 ? undefined : 'needs a bcrypt cost of 8 to 13';
  }
  const argon2 = argon2Pattern.exec(passwordHash);
  if (argon2) {
    const [memory = 0, passes = 0, lanes = 0] = argon2.slice(1).map(Number);
    return memory >= 4_096 && memory <= 131_072 && passes >= 1 && passes <= 10 && lanes >= 1 && lanes <= 8
      ? undefined
      : 'needs argon2 with 4096 to 131072 KiB, 1 to 10 passes and 1 to 8 lanes';
  }
  const pbkdf2 = parsePbkdf2(passwordHash);
  if (pbkdf2) {
    return pbkdf2.iterations >= 1_000 && pbkdf2.iterations <= 2_000_000
      ? undefined
      : 'needs 1000 to 2000000 PBKDF2 iterations';
  }
  return 'must be an argon2, bcrypt or PBKDF2 hash in PHC or modular crypt format';
}

const bcryptPattern = /^\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}$/;
const argon2Pattern =
  /^\$argon2(?:id|i|d)\$v=19\$m=([0-9]{1,7}),t=([0-9]{1,3}),p=([0-9]{1,2})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}$/;

/** Of 32 random bytes that nobody kept, at the cost above. */
const unmatchableHash =
  '$argon2id$v=19$m=19456,t=2,p=1$tXmdwwrKezr70h4jFe2CyA$IssGOQ1Gf7+dnwXNJWY2muJrc+1P++GojzmObMUPQj4';
