import { testClock } from '../support/clock.ts';
import {
  createSoftwareAuthenticator,
  type SoftwareAuthenticator,
} from '../support/software-authenticator.ts';
import { totpCode } from '../support/totp-app.ts';
import type { Arrival } from '../support/user-agent.ts';
import { password, type ServedTenant } from './tenant-server.ts';

/** An authenticator app: `code(1)` is the one that it will show next. */
export interface App {
  code(steps?: number): string;
}

export function appWith(secret: string, clock: { now(): number } = Date): App {
  return { code: (steps = 0) => totpCode(secret, clock.now() + steps * 30_000) };
}

/** Somebody with a password. */
export async function createPerson(tenant: ServedTenant, email: string) {
  const account = await tenant.accounts.create({
    email,
    name: 'Ada',
    roles: ['Member'],
    emailVerified: true,
  });
  await tenant.accounts.setPassword(account.id, password);
  return account;
}

/** Set up a while ago, so that the app's present code has not been used. `clock` is the app's. */
export async function addApp(
  tenant: ServedTenant,
  account: Awaited<ReturnType<typeof createPerson>>,
  clock: { now(): number } = Date,
) {
  const before = testClock(clock.now() - 120_000);
  const { totpCodes } = tenant.factorsAt(before);
  const { secret } = await totpCodes.begin(account, 'ticket');
  await totpCodes.confirm(account.id, 'ticket', totpCode(secret, before.now()));
  return appWith(secret, clock);
}

export async function addPasskey(
  tenant: ServedTenant,
  account: Awaited<ReturnType<typeof createPerson>>,
  options: Partial<Parameters<typeof createSoftwareAuthenticator>[0]> = {},
): Promise<SoftwareAuthenticator> {
  const { origin } = new URL(tenant.issuer);
  const authenticator = createSoftwareAuthenticator({ origin, ...options });
  const { passkeys } = tenant.factorsAt(Date);
  const asked = await passkeys.registrationOptions(account, 'ticket');
  await passkeys.register(account.id, 'ticket', authenticator.create(asked), 'Phone');
  return authenticator;
}

/** Codes that the person has kept. */
export async function addRecoveryCodes(tenant: ServedTenant, accountId: string): Promise<string[]> {
  const { recoveryCodes } = tenant.factorsAt(Date);
  const { codes, setId } = await recoveryCodes.replace(accountId);
  await recoveryCodes.noteSaved(accountId, setId);
  return codes;
}

export type AskedOfPasskey = Parameters<SoftwareAuthenticator['get']>[0];

/** What the page asks of the browser's passkey dialogue. */
export function passkeyOptions<Options = AskedOfPasskey>({ document }: Pick<Arrival, 'document'>): Options {
  return JSON.parse(document.querySelector('form[data-passkey]')?.getAttribute('data-options') ?? 'null');
}
