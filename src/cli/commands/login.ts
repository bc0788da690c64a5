import { Command } from 'commander';
import { runDeviceFlow } from '../device-flow.ts';
import { scopes } from '../generated/api.ts';
import { discoverIssuer, OAuthError, postForm } from '../issuer.ts';
import { toCredentials } from '../session.ts';
import type { Tools } from '../tools.ts';

const platform = 'platform';
const ownClient = 'tenantry-cli';

/** `login` and `logout`. */
export function loginCommands(tools: Tools): Command[] {
  const { terminal, credentials } = tools;

  const login = new Command('login')
    .description('sign in with a code that you confirm in a browser (RFC 8628)')
    .option('-t, --tenant <slug>', 'sign in at this tenant instead of the platform', platform)
    .option('--client <id>', 'the client that the tenant has for this', ownClient)
    .option('--scope <scopes>', 'ask for no more than these scopes', scopes.join(' '))
    .action(async (options: { tenant: string; client: string; scope: string }) => {
      const server = await tools.server();
      const metadata = await discoverIssuer(terminal, server, options.tenant);
      const answer = await runDeviceFlow(terminal, {
        metadata,
        clientId: options.client,
        scope: `openid offline_access ${options.scope}`,
        resource: `${server.origin}/api`,
        show({ userCode, address, completeAddress }) {
          terminal.err(`Open ${address} in a browser and enter the code\n\n    ${userCode}\n\n`);
          terminal.err(completeAddress === undefined ? '' : `or open ${completeAddress} and compare it.\n`);
        },
      });
      const { tenant, client: clientId } = options;
      await credentials.exclusively(async () =>
        credentials.put(server.origin, toCredentials(terminal, { tenant, clientId }, answer)),
      );
      terminal.err(`Signed in to ${server.origin}/${tenant}.\n`);
    });

  const logout = new Command('logout')
    .description('end the sign-in: its tokens are worth nothing any more')
    .action(async () => {
      const server = await tools.server();
      const stored = await credentials.get(server.origin);
      if (stored === undefined) {
        terminal.err(`Nobody is signed in to ${server.origin}.\n`);
        return;
      }
      const { tenant, clientId, refreshToken } = stored;
      // Forgotten here even when the server cannot be told.
      await credentials.exclusively(() => credentials.remove(server.origin));
      if (refreshToken !== undefined) {
        const { revocation_endpoint: endpoint } = await discoverIssuer(terminal, server, tenant);
        await revoke(endpoint, { client_id: clientId, token: refreshToken });
      }
      terminal.err(`Signed out of ${server.origin}.\n`);
    });

  async function revoke(endpoint: string | undefined, form: Record<string, string>): Promise<void> {
    if (endpoint === undefined) {
      return;
    }
    await postForm(terminal, endpoint, form).catch((error: unknown) => {
      // A token that the server does not know is as good as revoked.
      if (!(error instanceof OAuthError)) {
        throw error;
      }
    });
  }

  return [login, logout];
}
