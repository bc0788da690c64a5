import type { TenantKeys } from '../cloud/keys/port.ts';
import type { Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import { createChallenges } from './challenges.ts';
import { createFactors, type Factors } from './factors.ts';
import { createPasskeyRecords, type PasskeyRecords } from './passkey-records.ts';
import { createPasskeys, type Passkeys } from './passkeys.ts';
import { createRecoveryCodes, type RecoveryCodes } from './recovery-codes.ts';
import { createTotpCodes, type TotpCodes } from './totp.ts';

/** Everything that a tenant's pages need to set up, ask for and take away factors. */
export interface TenantFactors {
  factors: Factors;
  totpCodes: TotpCodes;
  recoveryCodes: RecoveryCodes;
  passkeys: Passkeys;
  passkeyRecords: PasskeyRecords;
}

export function createTenantFactors({
  sealer,
  publicUrl,
  tenantName,
  ...store
}: {
  table: Table;
  clock: Clock;
  random: Random;
  sealer: Pick<TenantKeys, 'seal' | 'unseal'>;
  publicUrl: URL;
  /** Shown by authenticator apps and passkey dialogues. */
  tenantName: string;
}): TenantFactors {
  const passkeyRecords = createPasskeyRecords(store);
  return {
    factors: createFactors(store),
    totpCodes: createTotpCodes({ ...store, sealer, issuerName: tenantName }),
    recoveryCodes: createRecoveryCodes(store),
    passkeys: createPasskeys({
      records: passkeyRecords,
      challenges: createChallenges(store),
      publicUrl,
      tenantName,
    }),
    passkeyRecords,
  };
}
