import type { ClientInput } from './client-input.ts';

/** The same at every tenant, so that nobody needs to be told it. */
export const commandLineClientId = 'tenantry-cli';

/**
 * The public client with which people sign in on the command line (RFC 8628, RFC 8252). It can do nothing by itself: what it may do is what the roles
 * of the person allow.
 */
export function commandLineClient(scopes: readonly string[]): ClientInput & { clientId: string } {
  return {
    clientId: commandLineClientId,
    name: 'Command line',
    type: 'native',
    redirectUris: ['http://127.0.0.1/callback'],
    deviceFlow: true,
    scopes: [...scopes],
  };
}
