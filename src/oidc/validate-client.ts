import { type Adapter, type Client, type ClientMetadata, errors, Provider } from 'oidc-provider';
import type { ClientRecord } from '../clients/clients.ts';
import { AppError, type FieldError } from '../kernel/errors.ts';
import type { TenantRecord } from '../kernel/tenant.ts';
import { isActive, isPublished } from '../tenancy/key-lifecycle.ts';
import { fieldOfMetadata, toClientMetadata } from './client-metadata.ts';
import { clientPolicy } from './client-policy.ts';
import { createSigningKeys } from './signing-keys.ts';

/** Stands for the hash of a secret that nobody has seen yet. */
const someHash = 'unknown';

/**
 * What the tenant's provider would have against the client, judged by a provider of the same policy that answers nobody. The provider stops at
 * the first problem; what it would say of a client that our own rules let through is mostly about the tenant, such as its algorithms.
 */
export function clientMetadataProblems(record: TenantRecord, client: ClientRecord): FieldError[] {
  const metadata = toClientMetadata(client, [someHash]);
  if (metadata === undefined) {
    return [];
  }
  const provider = createJudge(record);
  try {
    // The declared type of its constructor takes nothing.
    new (provider.Client as unknown as new (metadata: ClientMetadata) => Client)(metadata);
    return [];
  } catch (error) {
    if (!(error instanceof errors.InvalidClientMetadata)) {
      throw error;
    }
    const message = error.error_description ?? error.message;
    const [, property = '', rest = ''] = /^(\w+) ((?:must|can|is|includes) .*)$/.exec(message) ?? [];
    const field = fieldOfMetadata(property);
    return [field === undefined ? { field: '', message } : { field, message: rest }];
  }
}

function createJudge(record: TenantRecord): Provider {
  const published = record.signingKeys.filter(isPublished);
  const defaultAlgorithm = published.find(isActive)?.alg;
  if (defaultAlgorithm === undefined) {
    throw new AppError('not_ready', 'The tenant has no active signing key.');
  }
  const unused = () => Promise.reject(new Error('a provider that only judges was used'));
  return new Provider(`https://${record.slug}.invalid`, {
    ...clientPolicy({ algorithms: [...new Set(published.map(({ alg }) => alg))], defaultAlgorithm }),
    adapter: () => ({ find: unused }) as unknown as Adapter,
    jwks: { keys: createSigningKeys({ sign: unused }, published, () => {}) },
    cookies: { keys: ['unused'] },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      dPoP: { enabled: true },
      jwtUserinfo: { enabled: true },
      externalSigningSupport: { enabled: true, ack: 'experimental-01' },
      pushedAuthorizationRequests: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
  });
}
