import type { Mailer } from '../../cloud/mail/port.ts';
import type { Tables } from '../../cloud/tables/port.ts';
import { createAccountLinks } from '../../identity/account-links.ts';
import { type Account, defaultApplicationTenantId } from '../../identity/accounts.ts';
import { createLinks } from '../../identity/links.ts';
import { openPeople } from '../../identity/people.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Random } from '../../kernel/random.ts';
import { asks, hostingUrl, type Infrastructure } from '../infrastructure.ts';
import { type ProvisionedTenant, type Step, type StepContext, UnusableResult } from '../step.ts';
import { firstClientId } from './first-client.ts';
import { invitationMail } from './invitation-mail.ts';

export const invitationDays = 7;

/** Says that the invitation went out. Without it a crash after sending would send another one. */
const sentKey = { pk: 'Provisioning', sk: 'invitation' };

/** Creates the initial admin's account (B7) and sends the welcome mail with a single-use link to set a password, never one itself (D8). */
export function initialAdmin({
  tables,
  mailer,
  infrastructure: { hosting },
  publicUrl,
  clock,
  random,
}: {
  tables: Tables;
  mailer: Mailer;
  infrastructure: Pick<Infrastructure, 'hosting'>;
  publicUrl: URL;
  clock: Clock;
  random: Random;
}): Step {
  const open = ({ tableName }: ProvisionedTenant) => {
    const stores = { table: tables.open(tableName), clock, random };
    const { accounts, findActive } = openPeople(stores);
    return {
      ...stores,
      accounts,
      accountLinks: createAccountLinks({ links: createLinks(stores), findActive }),
    };
  };

  async function findOrCreate({ tenant }: StepContext): Promise<Account> {
    const { accounts } = open(tenant);
    const { name, email } = adminOf(tenant);
    return (
      (await accounts.findByEmail(defaultApplicationTenantId, email)) ??
      (await accounts.create({ name, email, roles: ['Admin'] }))
    );
  }

  return {
    name: 'initial-admin',

    async check({ tenant }) {
      const sent = await open(tenant).table.get(sentKey);
      return sent && { accountId: String(sent.accountId), email: adminOf(tenant).email };
    },

    async act(context) {
      const { tenant } = context;
      const { table, accountLinks } = open(tenant);
      const account = await findOrCreate(context);
      const clientId = firstClientId(tenant);
      const token = await accountLinks.issue(account, {
        purpose: 'invitation',
        data: { firstClientId: clientId },
        ttlSeconds: invitationDays * 86_400,
      });
      const issuer = `${publicUrl.origin}/${tenant.slug}`;
      await mailer.send(
        invitationMail({
          to: account.email,
          adminName: account.name,
          tenantName: tenant.name,
          slug: tenant.slug,
          issuer,
          clientId,
          link: `${issuer}/invitation/${token}`,
          days: invitationDays,
          ...(hosting && asks.hosting(tenant.request) ? { url: await hostingUrl(hosting, tenant) } : {}),
        }),
      );
      await table.put({ ...sentKey, accountId: account.id, sentAt: new Date(clock.now()).toISOString() });
      return { accountId: account.id, email: account.email };
    },

    async confirm({ tenant }, { accountId }) {
      if (!(await open(tenant).accounts.get(String(accountId)))) {
        throw new UnusableResult('The account of the initial admin does not exist.');
      }
    },

    /** The table goes with everything in it, and the link in the mail with it. */
    async undo() {},
  };
}

function adminOf({ request }: ProvisionedTenant): { name: string; email: string } {
  if (!request.admin) {
    throw new UnusableResult('The request names no initial admin.');
  }
  return request.admin;
}
