/**
 * Sign-in sources on the sign-in pages (D10): OpenID providers that the browser is sent to, LDAP directories behind the password form, and the
 * proof that an account which was there first asks for. Owns the way of a browser; who somebody becomes is decided in
 * `identity/federated-sign-in.ts`.
 */
import type { Context } from 'koa';
import type { TenantKeys } from '../../../cloud/keys/port.ts';
import type { Table } from '../../../cloud/tables/port.ts';
import type { AccountLinks } from '../../../identity/account-links.ts';
import type { Account, Accounts } from '../../../identity/accounts.ts';
import type { ActivityLog } from '../../../identity/activity-log.ts';
import type { ApplicationRules } from '../../../identity/application-rules.ts';
import type { ApplicationTenants } from '../../../identity/application-tenants.ts';
import type { AttemptLimits } from '../../../identity/attempt-limits.ts';
import type { Factors } from '../../../identity/factors.ts';
import { createFederatedIdentities } from '../../../identity/federated-identities.ts';
import { createFederatedSignIn } from '../../../identity/federated-sign-in.ts';
import type { KnownDevices } from '../../../identity/known-devices.ts';
import type { MailDispatch } from '../../../identity/mail-dispatch.ts';
import type { Passkeys } from '../../../identity/passkeys.ts';
import type { People } from '../../../identity/people.ts';
import type { SecurityAlerts } from '../../../identity/security-alerts.ts';
import { createSignInSources } from '../../../identity/sign-in-sources.ts';
import type { TenantMailer } from '../../../identity/tenant-mailer.ts';
import { type ConnectUpstreams, createUpstreamConnections } from '../../../identity/upstream-connections.ts';
import type { Clock } from '../../../kernel/clock.ts';
import type { Random } from '../../../kernel/random.ts';
import type { TenantRecord } from '../../../kernel/tenant.ts';
import type { Log } from '../../../platform/log.ts';
import type { ReadClientIp } from '../../../web/client-ip.ts';
import type { LookFor } from '../../../web/page-look.ts';
import type { Render } from '../../../web/render.ts';
import { type AsksAddressFirst, createAsksAddressFirst, isForSomeDomains } from '../address-first.ts';
import type { ChooseApplicationTenant } from '../application-tenant-choice.ts';
import type { PromptPages } from '../interaction-pages.ts';
import type { PasswordAttempts } from '../password-attempts.ts';
import type { SignInFlow } from '../sign-in-flow.ts';
import type { SignInOffer } from '../sign-in-offer.ts';
import type { LinkToBe } from '../sign-in-state.ts';
import type { VerifyPassword } from '../verify-password.ts';
import { createDirectoryGuard } from './directory-guard.ts';
import { createOwnPasswordCheck, createPasswordProof, type ProvePassword } from './directory-passwords.ts';
import { createEnter } from './enter.ts';
import { createFederationStates } from './federation-state.ts';
import { createLinkAccountPages, type LinkAccountPages } from './link-account.ts';
import { createLinkMail } from './link-mail.ts';
import { createLinkRequests } from './link-requests.ts';
import { createLinkedSources, type LinkedSources } from './linked-sources.ts';
import { createOpenidSignIn, doorOf } from './openid-sign-in.ts';
import { createSourceLinking, type SourceLinking } from './source-linking.ts';
import { createSourceProblemPage } from './source-problem.ts';
import { createUsableSources, isForAddress } from './usable-sources.ts';

export interface FederationDependencies extends ConnectUpstreams {
  table: Table;
  /** Seals secrets of the tenant. */
  sealer: Pick<TenantKeys, 'seal' | 'unseal'>;
  clock: Clock;
  random: Random;
  log: Log;
  record: Pick<TenantRecord, 'slug'>;
  /** `<origin>/<slug>`. */
  issuer: string;
  accounts: Accounts;
  findActive: People['findActive'];
  factors: Pick<Factors, 'of'>;
  passkeys: Passkeys;
  accountLinks: AccountLinks;
  mailer: Pick<TenantMailer, 'send'>;
  dispatch: Pick<MailDispatch, 'run'>;
  applicationTenants: Pick<ApplicationTenants, 'get' | 'haveDomains'>;
  verifyPassword: VerifyPassword;
  admitsOwnCredentials: ApplicationRules['admitsOwnCredentials'];
  chooseApplicationTenant: ChooseApplicationTenant;
  attempts: PasswordAttempts;
  alerts: Pick<SecurityAlerts, 'raise'>;
  activity: Pick<ActivityLog, 'note'>;
  limits: AttemptLimits;
  devices: Pick<KnownDevices, 'read'>;
  readClientIp: ReadClientIp;
  render: Render;
  lookFor: LookFor;
}

export interface Federation {
  /** For the flow: makes what was proved a link. */
  link(context: Context, link: LinkToBe, account: Account): Promise<void>;
  linkedSources: LinkedSources;
  linking: SourceLinking;
  /** What the pages of the prompt `login` get. */
  connect(flow: Pick<SignInFlow, 'begin'>): {
    provePassword: ProvePassword;
    /** Whether a password could be taken there, the tenant's or a directory's; with an address, for whoever has it. */
    takesPasswords(applicationTenantId: string, email?: string): Promise<boolean>;
    asksAddressFirst: AsksAddressFirst;
    linkAccount: Pick<LinkAccountPages, 'ask'>;
    sendProblem: ReturnType<typeof createSourceProblemPage>;
    offer: SignInOffer;
    pages: NonNullable<PromptPages['pages']>;
    forms: PromptPages['forms'];
    answerCallback(context: Context, sourceId: string): Promise<void>;
  };
}

/** The tenant's sources are read once: its runtime is built anew when they change. */
export async function createFederation(dependencies: FederationDependencies): Promise<Federation> {
  const { table, sealer, clock, random, accounts, applicationTenants, render, activity } = dependencies;
  const sources = createSignInSources({ table, keys: sealer, clock, random });
  const usable = createUsableSources({ sources: await sources.list(), applicationTenants });
  const connections = createUpstreamConnections({ ...dependencies, sources });
  const identities = createFederatedIdentities({ table, clock });
  const federated = createFederatedSignIn({ accounts, identities, applicationTenants, random });
  const verifyOwnPassword = createOwnPasswordCheck({
    usable,
    identities,
    verifyPassword: dependencies.verifyPassword,
  });
  const states = createFederationStates({ table, clock, random });
  const sendProblem = createSourceProblemPage({ render });
  const enter = createEnter({ federated, activity });

  return {
    linkedSources: createLinkedSources({ identities, usable }),
    linking: createSourceLinking({
      ...dependencies,
      usable,
      connections,
      states,
      link: ({ identity, label }, account) => federated.link(identity, account, label),
    }),

    async link(context, { identity, label }, account) {
      if (await federated.link(identity, account, label)) {
        dependencies.alerts.raise({
          kind: 'source-linked',
          account,
          factor: usable.get(identity.sourceId)?.name ?? label,
          clientIp: dependencies.readClientIp(context.req),
          userAgent: context.get('User-Agent'),
        });
      }
    },

    connect(flow) {
      const linkAccount = createLinkAccountPages({
        ...dependencies,
        requests: createLinkRequests(dependencies),
        flow,
        verifyPassword: verifyOwnPassword,
        mail: createLinkMail({ ...dependencies, origin: new URL(dependencies.issuer).origin }),
      });
      const openid = createOpenidSignIn({
        ...dependencies,
        usable,
        connections,
        states,
        enter,
        flow,
        linkAccount,
        sendProblem,
      });
      return {
        provePassword: createPasswordProof({
          ...dependencies,
          usable,
          connections,
          enter,
          guard: createDirectoryGuard({ ...dependencies, findByEmail: accounts.findByEmail }),
          verifyOwnPassword,
        }),
        linkAccount,
        async takesPasswords(applicationTenantId, email) {
          return (
            (await dependencies.admitsOwnCredentials(applicationTenantId)) ||
            (await usable.list(applicationTenantId, 'ldap')).some(
              (source) => email === undefined || isForAddress(source, email),
            )
          );
        },
        asksAddressFirst: createAsksAddressFirst({ usable, applicationTenants, clock }),
        sendProblem,
        offer: {
          /** Whoever's address has a source of its own is shown that one alone; one of other addresses nobody needs. */
          async describe(open, { email, applicationTenantId, asks }) {
            if (usable.all('openid').length === 0) {
              return {};
            }
            const all = await usable.list(applicationTenantId, 'openid');
            const own = all.filter((source) => isForAddress(source, email));
            const general = all.filter((source) => asks === 'nothing' || !isForSomeDomains(source));
            const offered = own.length > 0 ? own : general;
            return {
              sources: offered.map((source) => ({ name: source.name, url: doorOf(open, source) })),
              areSourcesOwn: own.length > 0,
            };
          },
        },
        pages: { ...openid.pages, ...linkAccount.pages },
        forms: linkAccount.forms,
        answerCallback: openid.answerCallback,
      };
    },
  };
}
