import { AppError } from '../../kernel/errors.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { KeyMode } from '../../kernel/tenant.ts';
import type { KeyStore, TenantKeys } from './port.ts';

/** Small secrets sealed in KMS bear it; those sealed under the master key bear nothing. */
const kmsSeal = 'kms.';

/**
 * The keys port over both stores of a deployment, so that it can move from one to the other and tenants can differ: a key stays where it
 * was made, as its reference begins with its mode, and new keys are made as told. A store that is absent is refused when it is needed.
 */
export function createRoutedKeyStore(stores: {
  /** The mode of new keys for which nobody names one; small secrets are sealed in the store of this mode. */
  mode: KeyMode;
  local: KeyStore | undefined;
  kms: KeyStore | undefined;
}): KeyStore {
  return {
    forTenant(tenantId: TenantId): TenantKeys {
      const local = stores.local?.forTenant(tenantId);
      const kms = stores.kms?.forTenant(tenantId);

      function storeOf(mode: KeyMode): TenantKeys {
        const store = mode === 'local' ? local : kms;
        if (store === undefined) {
          throw new AppError('server_error', 'The signing key cannot be used.', {
            detail: `${tenantId} has keys of mode ${mode}, which needs ${mode === 'local' ? 'MASTER_KEY' : 'KMS_ENDPOINT'}`,
          });
        }
        return store;
      }

      async function list(): Promise<string[]> {
        return [...((await local?.list()) ?? []), ...((await kms?.list()) ?? [])];
      }

      return {
        async create(kid, alg, mode = stores.mode) {
          // A kid that another attempt, or an earlier setting, has put elsewhere is found there.
          const known = (await list()).find((reference) => partsOf(reference).kid === kid);
          const where = known === undefined ? mode : partsOf(known).mode;
          return await storeOf(where).create(kid, alg, where);
        },
        async sign(reference, alg, data) {
          return await storeOf(partsOf(reference).mode).sign(reference, alg, data);
        },
        async destroy(reference) {
          await storeOf(partsOf(reference).mode).destroy(reference);
        },
        list,
        reaches: (reference) => (partsOf(reference).mode === 'local' ? local : kms) !== undefined,
        async seal(purpose, plaintext) {
          const sealed = await storeOf(stores.mode).seal(purpose, plaintext);
          return stores.mode === 'local' ? sealed : kmsSeal + sealed;
        },
        async unseal(purpose, sealed) {
          return sealed.startsWith(kmsSeal)
            ? await storeOf('kms').unseal(purpose, sealed.slice(kmsSeal.length))
            : await storeOf('local').unseal(purpose, sealed);
        },
      };
    },
  };
}

/** Every reference begins `<mode>/<tenantId>/<kid>/`; whether it is this tenant's is for its store to say. */
function partsOf(reference: string): { mode: KeyMode; kid: string | undefined } {
  const [mode, , kid] = reference.split('/');
  return { mode: mode === 'local' || mode === 'kms-envelope' ? mode : 'kms', kid };
}
