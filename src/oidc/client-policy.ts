import type { Configuration } from 'oidc-provider';
import { authenticationClasses } from '../identity/authentication-level.ts';
import type { SigningAlgorithm } from '../kernel/tenant.ts';
import {
  apiScopesProperty,
  applicationTenantProperty,
  requireMfaProperty,
  resourceScopesProperty,
} from './client-metadata.ts';

/** By which clients sign what proves who they are (RFC 7523). */
const assertionAlgorithms = ['ES256', 'PS256', 'RS256', 'EdDSA', 'Ed25519'] as const;

/**
 * What the provider lets a client be. `defaultAlgorithm` signs ID tokens for whoever asks for none; `algorithms` are those that the tenant
 * publishes keys of.
 */
export function clientPolicy({
  algorithms,
  defaultAlgorithm,
}: {
  algorithms: readonly SigningAlgorithm[];
  defaultAlgorithm: SigningAlgorithm;
}) {
  return {
    responseTypes: ['code'],
    subjectTypes: ['public', 'pairwise'],
    // Read when a client is made or changed (`client-sector.ts`), not with every sign-in to it.
    sectorIdentifierUriValidate: () => false,
    acrValues: [...authenticationClasses],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    clientDefaults: {
      id_token_signed_response_alg: defaultAlgorithm,
      grant_types: [],
      response_types: [],
    },
    extraClientMetadata: {
      properties: [apiScopesProperty, resourceScopesProperty, applicationTenantProperty, requireMfaProperty],
    },
    enabledJWA: {
      clientAuthSigningAlgValues: [...assertionAlgorithms],
      idTokenSigningAlgValues: [...algorithms],
      userinfoSigningAlgValues: [...algorithms],
      dPoPSigningAlgValues: ['ES256', 'Ed25519', 'EdDSA', 'PS256', 'RS256'],
    },
  } satisfies Configuration;
}
