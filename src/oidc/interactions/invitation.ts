import type { Context } from 'koa';
import { isConfidential } from '../../clients/client-type.ts';
import type { Clients } from '../../clients/clients.ts';
import type { AccountLink, AccountLinks } from '../../identity/account-links.ts';
import type { Account, Accounts } from '../../identity/accounts.ts';
import type { ActivityLog } from '../../identity/activity-log.ts';
import type { PolicyOf } from '../../identity/application-rules.ts';
import { passwordProblemsFor, passwordRules } from '../../identity/password-rules.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import type { Log } from '../../platform/log.ts';
import { readFormBody } from '../../web/body.ts';
import { csrfToken, isCsrfToken } from '../../web/csrf.ts';
import type { Message } from '../../web/i18n/texts.ts';
import type { LookFor } from '../../web/page-look.ts';
import type { Render } from '../../web/render.ts';
import type { Views } from '../../web/views.ts';
import { accountUrl } from '../self-service/link-pages.ts';
import type { DeviceWatch } from './device-watch.ts';
import { assertMethod } from './interaction-pages.ts';
import type { JustProved } from './just-proved.ts';
import { sendPage } from './page-response.ts';

export interface InvitationDependencies {
  record: TenantRecord;
  issuer: string;
  accounts: Accounts;
  accountLinks: AccountLinks;
  clients: Pick<Clients, 'get' | 'setNewSecret'>;
  policyOf: PolicyOf;
  deviceWatch: Pick<DeviceWatch, 'proved'>;
  activity: Pick<ActivityLog, 'note'>;
  justProved: Pick<JustProved, 'note'>;
  render: Render;
  lookFor: LookFor;
  log: Log;
}

type FirstClientHandedOver = Pick<Views['invitation-done'], 'client' | 'commands'>;

/**
 * `/invitation/<token>`: an invited person sets a password, once (B7, D8). The link proves the address, because it was mailed there. When
 * its data names `firstClientId`, the tenant's first client is handed over on the page that follows; a confidential client gets its secret
 * at that moment, so nobody has ever held it before. Whoever misses that page signs in on the command line and has a new secret made.
 */
export function createInvitationPage({
  record,
  issuer,
  accounts,
  accountLinks,
  clients,
  policyOf,
  deviceWatch,
  activity,
  justProved,
  render,
  lookFor,
  log,
}: InvitationDependencies): (context: Context, token: string) => Promise<void> {
  /** `undefined` for anything but a live invitation of an account that may be used and has no password. */
  async function findInvitation(token: string): Promise<AccountLink | undefined> {
    const found = await accountLinks.find(token, 'invitation');
    return found?.account.passwordSetAt === undefined ? found : undefined;
  }

  function sendInvalid(context: Context): void {
    const look = lookFor(context);
    const { t } = look.texts;
    const page = { title: t('invitation.invalid-title'), text: t('invitation.invalid') };
    const html = render('message', page, look);
    sendPage(context, html, { status: 404 });
  }

  async function sendForm(
    context: Context,
    token: string,
    page: { account: Account; problems: readonly Message[]; status: number },
  ): Promise<void> {
    const { account, problems, status } = page;
    const policy = await policyOf(account.applicationTenantId);
    const look = lookFor(context);
    const { t, say } = look.texts;
    const data = {
      title: t('invitation.title'),
      lead: t('invitation.lead', { tenant: look.brand?.name ?? record.name }),
      action: `/${record.slug}/invitation/${token}`,
      csrf: csrfToken(token, 'invitation'),
      email: account.email,
      rules: passwordRules(policy.password).map(say),
      problems: problems.map(say),
      askPresent: false,
      submit: t('password.save'),
    };
    const html = render('new-password', data, look);
    sendPage(context, html, { status });
  }

  async function problemsOf(account: Account, form: Readonly<Record<string, string>>): Promise<Message[]> {
    const { password = '', confirmation = '' } = form;
    if (password !== confirmation) {
      return [{ key: 'password.unequal' }];
    }
    const policy = await policyOf(account.applicationTenantId);
    return passwordProblemsFor(accounts, account, policy.password, password);
  }

  /**
   * The tenant's first client, with a secret that nobody held before. The password is set by then and the link used up, so a failure must not become
   * the answer: the person has a new secret made by the command line instead.
   */
  async function handOver(clientId: string): Promise<FirstClientHandedOver> {
    const { origin } = new URL(issuer);
    const command = `npx tenantry --server ${origin}`;
    const signIn = `${command} login --tenant ${record.slug}`;
    try {
      const client = await clients.get(clientId);
      if (!client) {
        return { commands: { signIn } };
      }
      const secret = isConfidential(client.type)
        ? { secret: (await clients.setNewSecret(clientId)).clientSecret }
        : {};
      return { commands: { signIn }, client: { id: client.clientId, name: client.name, ...secret } };
    } catch (error) {
      log.error({ err: error, clientId }, 'first client could not be handed over');
      const newSecret = `${command} clients rotate-secret ${clientId} --tenant ${record.slug}`;
      return { commands: { signIn, newSecret } };
    }
  }

  async function accept(context: Context, token: string): Promise<void> {
    const form = await readFormBody(context);
    const invitation = await findInvitation(token);
    if (!invitation || !isCsrfToken(token, 'invitation', form.csrf)) {
      sendInvalid(context);
      return;
    }
    const { link, account } = invitation;
    const problems = await problemsOf(account, form);
    if (problems.length > 0) {
      await sendForm(context, token, { account, problems, status: 422 });
      return;
    }
    // This write decides: of two people who hold a link, one sets the password and the other is told. Were the link used up first, a failure
    // between the two writes would leave the person with neither link nor password.
    if (!(await accounts.setFirstPassword(account.id, form.password ?? '', account.email))) {
      sendInvalid(context);
      return;
    }
    await accountLinks.consume(token, 'invitation');
    await deviceWatch.proved(context, account);
    activity.note({ kind: 'invitation-accepted', account }, context);
    await justProved.note(context, account.id, undefined);
    const { firstClientId } = link.data;
    const page = {
      email: account.email,
      issuer,
      discovery: `${issuer}/.well-known/openid-configuration`,
      accountUrl: accountUrl(record, account),
      ...(firstClientId === undefined ? {} : await handOver(firstClientId)),
    };
    sendPage(context, render('invitation-done', page, lookFor(context)));
  }

  return async (context, token) => {
    assertMethod(context, ['GET', 'HEAD', 'POST']);
    if (context.method === 'POST') {
      await accept(context, token);
      return;
    }
    const invitation = await findInvitation(token);
    if (invitation) {
      await sendForm(context, token, { account: invitation.account, problems: [], status: 200 });
    } else {
      sendInvalid(context);
    }
  };
}
