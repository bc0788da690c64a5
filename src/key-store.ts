import { createKmsKeyStore, type KmsUsage } from './cloud/keys/kms.ts';
import type { OnKmsCall } from './cloud/keys/kms-call.ts';
import type { KmsPrincipals } from './cloud/keys/kms-key-policy.ts';
import { createLocalKeyStore } from './cloud/keys/local.ts';
import type { KeyStore } from './cloud/keys/port.ts';
import { createRoutedKeyStore } from './cloud/keys/routed.ts';
import type { Table } from './cloud/tables/port.ts';
import type { Clock } from './kernel/clock.ts';
import type { Random } from './kernel/random.ts';
import type { KeyMode } from './kernel/tenant.ts';
import type { Log } from './platform/log.ts';
import type { KmsSettings, Settings } from './platform/settings.ts';

export interface DeploymentKeyStore extends KeyStore {
  /** In which a tenant's keys can be made. */
  readonly modes: readonly KeyMode[];
  /** For gauges; `undefined` without KMS. */
  usage(): KmsUsage | undefined;
  /** No call may follow. */
  close(): void;
}

/** The key store that the settings describe: local with a master key, KMS when it is configured, or both. Makes no call before it is used. */
export function openKeyStore({
  settings: { keyMode, kms: kmsSettings, tablePrefix },
  masterKey,
  onCall,
  ...shared
}: {
  settings: Pick<Settings, 'keyMode' | 'kms' | 'tablePrefix'>;
  /** 32 bytes. */
  masterKey: Buffer | undefined;
  /** The `-keys` table; must exist before the first call. */
  table: Table;
  random: Random;
  clock: Clock;
  log: Log;
  onCall?: OnKmsCall;
}): DeploymentKeyStore {
  const local = masterKey && createLocalKeyStore({ ...shared, masterKey });
  const kms =
    kmsSettings &&
    createKmsKeyStore({
      ...shared,
      ...adapterOptions(kmsSettings),
      prefix: tablePrefix,
      mode: keyMode === 'local' ? 'kms' : keyMode,
      ...(onCall === undefined ? {} : { onCall }),
    });
  return {
    ...createRoutedKeyStore({ mode: keyMode, local, kms }),
    modes: [...(local ? ['local' as const] : []), ...(kms ? ['kms' as const, 'kms-envelope' as const] : [])],
    usage: () => kms?.usage(),
    close: () => kms?.close(),
  };
}

function adapterOptions({ endpoint, roles, ...limits }: KmsSettings) {
  return {
    ...limits,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(roles === undefined ? {} : { principals: principalsOf(roles) }),
  };
}

/** Keys belong to the account of the role that creates them. */
function principalsOf({ dataPlane, controlPlane }: NonNullable<KmsSettings['roles']>): KmsPrincipals {
  const [, partition = '', , , accountId = ''] = controlPlane.split(':');
  return { accountId, partition, dataPlaneRoleArn: dataPlane, controlPlaneRoleArn: controlPlane };
}
