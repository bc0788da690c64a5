import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { type Account, defaultApplicationTenantId } from '../../identity/accounts.ts';
import type { PolicyOf } from '../../identity/application-rules.ts';
import { admitsAddress } from '../../identity/ip-restrictions.ts';
import type { People } from '../../identity/people.ts';
import { isSecondFactorRequired, type SecurityPolicy } from '../../identity/security-policy.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import { networkOf, type ReadClientIp } from '../../web/client-ip.ts';
import type { LookFor } from '../../web/page-look.ts';
import type { Render } from '../../web/render.ts';
import { requestIdOf } from '../../web/request-id.ts';
import { describeUserAgent } from '../../web/user-agent.ts';
import { accountClientId } from '../account/account-sign-in.ts';
import { applicationTenantOf } from '../client-metadata.ts';
import type { ResourceServers } from '../resource-servers.ts';
import type { ProviderHooks } from '../tenant-pages.ts';
import type { AdminScopeFilter } from './admin-scope-filter.ts';
import { type ApplicationTenantChoice, organizationParameter } from './application-tenant-choice.ts';
import { createDevicePages } from './device-pages.ts';
import { sendPage } from './page-response.ts';
import { narrowToRoles } from './role-scopes.ts';
import { createAuthenticationClassCheck } from './wanted-class.ts';

/** What the provider asks about people: who they are, what they agreed to, what they see on its own pages. */
export function createProviderHooks({
  record,
  people,
  policy,
  policyOf,
  adminScopeFilter,
  resourceServers,
  applicationTenantChoice,
  render,
  lookFor,
  readClientIp,
}: {
  record: TenantRecord;
  people: Pick<People, 'findActive' | 'memberships' | 'roleScopesOf'>;
  /** The tenant's. */
  policy: SecurityPolicy;
  policyOf: PolicyOf;
  adminScopeFilter: AdminScopeFilter;
  resourceServers: Pick<ResourceServers, 'isByRole'>;
  applicationTenantChoice: Pick<ApplicationTenantChoice, 'readRequest'>;
  render: Render;
  lookFor: LookFor;
  readClientIp: ReadClientIp;
}): ProviderHooks {
  /** Behind what the provider holds of an account for the length of a request. */
  const known = new WeakMap<object, Account>();
  const accountOf: AccountOf = ({ oidc }) => oidc.account && known.get(oidc.account);
  /** Of whoever the request is about; without anybody, the tenant's. */
  const policyFor: PolicyFor = (context) => policyOf(accountOf(context)?.applicationTenantId);

  async function admitsNetwork(context: KoaContextWithOIDC): Promise<boolean> {
    return admitsAddress(await policyFor(context), readClientIp(context.req));
  }

  /** Groups and roles are looked up for tokens and answers that carry them only. */
  async function belongings(account: Account, wanted: (scope: string) => boolean) {
    const { memberships } = people;
    return {
      ...(wanted('roles') ? { roles: await memberships.rolesOf(account) } : {}),
      ...(wanted('groups') ? { groups: (await memberships.groupsOf(account)).map(({ name }) => name) } : {}),
    };
  }

  return {
    async findAccount(_context, sub) {
      const account = await people.findActive(sub);
      if (!account) {
        return undefined;
      }
      const found = {
        accountId: account.id,
        claims: async (_use: string, scope: string) => ({
          sub: account.id,
          organization_id: account.applicationTenantId,
          email: account.email,
          email_verified: account.emailVerified,
          name: account.name,
          ...(account.givenName === undefined ? {} : { given_name: account.givenName }),
          ...(account.familyName === undefined ? {} : { family_name: account.familyName }),
          ...(await belongings(account, (name) => scope.split(' ').includes(name))),
        }),
      };
      known.set(found, account);
      return found;
    },

    async roleScopesOf(context) {
      const account = accountOf(context);
      return account && people.roleScopesOf(account);
    },

    async extraTokenClaims(context, token) {
      if (!('accountId' in token)) {
        const bound = token.client && applicationTenantOf(token.client);
        return bound === undefined ? undefined : { organization_id: bound };
      }
      const account = context?.oidc.account && known.get(context.oidc.account);
      if (!account || token.accountId !== account.id) {
        return undefined;
      }
      const scopes = token.scope?.split(' ') ?? [];
      return {
        organization_id: account.applicationTenantId,
        ...authenticationOf(context),
        ...(await belongings(account, (name) => scopes.includes(name))),
      };
    },

    async loadExistingGrant(context) {
      const { provider, client, session, result } = context.oidc;
      const account = context.oidc.account && known.get(context.oidc.account);
      if (!client || !account) {
        return undefined;
      }
      const grantId = result?.consent?.grantId ?? session?.grantIdFor(client.clientId);
      const found = grantId === undefined ? undefined : await provider.Grant.find(grantId);
      const grant = found ?? new provider.Grant({ accountId: account.id, clientId: client.clientId });
      if (client.clientId === accountClientId) {
        // The tenant's own pages: there is nobody to consent to.
        grant.addOIDCScope('openid');
        await grant.save();
      }
      await adminScopeFilter.apply(context, account, grant);
      await narrowToRoles(context, account, { resourceServers, people });
      return grant;
    },

    async renderError(context, out, error) {
      const expired = error.name === 'SessionNotFound';
      const failure = expired ? 'expired' : context.status >= 500 ? 'ours' : 'theirs';
      const look = lookFor(context, context.oidc.params?.ui_locales);
      const { t } = look.texts;
      const details = [
        { term: t('failure.error'), text: out.error },
        ...(out.error_description ? [{ term: t('failure.description'), text: out.error_description }] : []),
        ...(requestIdOf(context) === ''
          ? []
          : [{ term: t('failure.reference'), text: requestIdOf(context) }]),
      ];
      const page = { title: t(`failure.${failure}-title`), text: t(`failure.${failure}`), details };
      const html = render('message', page, look);
      sendPage(context, html, { status: context.status });
    },

    renderHandOver(context, form) {
      const html = render('hand-over', form, lookFor(context, context.oidc.params?.ui_locales));
      sendPage(context, html, { status: context.status, formTarget: form.action, scripts: true });
    },

    renderNotFound(context) {
      sendPage(context, render('not-found', {}, lookFor(context)), { status: 404 });
    },

    interactions: {
      url: (_context, interaction) => `/${record.slug}/interaction/${interaction.uid}`,
      policy: createInteractionPolicy(accountOf, policyFor, admitsNetwork),
    },

    extraParams: { [organizationParameter]: applicationTenantChoice.readRequest },

    claims: {
      openid: ['sub', 'amr', 'acr', 'auth_time', 'organization_id'],
      email: ['email', 'email_verified'],
      profile: ['name', 'given_name', 'family_name'],
      roles: ['roles'],
      groups: ['groups'],
    },

    async logoutSource(context) {
      const clientName = clientNameOf(context);
      const page = {
        ...(clientName === undefined ? {} : { clientName }),
        action: context.oidc.urlFor('end_session_confirm'),
        csrf: String(context.oidc.session?.state?.secret ?? ''),
      };
      const html = render('sign-out', page, lookFor(context, context.oidc.params?.ui_locales));
      const target = context.oidc.params?.post_logout_redirect_uri;
      sendPage(context, html, { formTarget: typeof target === 'string' ? target : undefined });
    },

    async postLogoutSuccessSource(context) {
      const clientName = clientNameOf(context);
      const page = clientName === undefined ? {} : { clientName };
      sendPage(context, render('signed-out', page, lookFor(context, context.oidc.params?.ui_locales)));
    },

    devicePages: createDevicePages({ render, lookFor }),

    sessionRules: policy.session,
    sessionRulesOf: async (applicationTenantId) => (await policyOf(applicationTenantId)).session,

    async describeOrigin(context, accountId) {
      const account = accountOf(context) ?? (await people.findActive(accountId));
      return {
        network: networkOf(readClientIp(context.req)),
        device: describeUserAgent(context.get('User-Agent')),
        applicationTenantId: account?.applicationTenantId ?? defaultApplicationTenantId,
      };
    },

    admitsNetwork,
  };
}

/** When and how sure the sign-in was that the tokens come from, so that an API can ask for a stronger one (RFC 9068 §2.2.1, RFC 9470). */
function authenticationOf(context: KoaContextWithOIDC | undefined): Record<string, unknown> {
  const { AuthorizationCode, DeviceCode, RefreshToken } = context?.oidc.entities ?? {};
  const { acr, amr, authTime } = AuthorizationCode ?? DeviceCode ?? RefreshToken ?? {};
  return {
    ...(acr === undefined ? {} : { acr }),
    ...(amr === undefined ? {} : { amr }),
    ...(authTime === undefined ? {} : { auth_time: authTime }),
  };
}

/** The account of a request's session. */
type AccountOf = (context: KoaContextWithOIDC) => Account | undefined;

type PolicyFor = (context: KoaContextWithOIDC) => Promise<SecurityPolicy>;

/**
 * The provider's own policy and four checks more. Whoever was removed or disabled while signed in has to sign in again; a session for one
 * application tenant is none for another (E2); a session counts only where its person could sign in (B4); and a session may not be sure enough. The last takes the place of two checks of the provider,
 * which know of no class that is stronger than another.
 */
function createInteractionPolicy(
  accountOf: AccountOf,
  policyFor: PolicyFor,
  admitsNetwork: ProviderHooks['admitsNetwork'],
): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base();
  const { Check } = interactionPolicy;
  const checks = policy.get('login')?.checks;
  checks?.add(
    new Check(
      'account_unavailable',
      'End-User authentication is required',
      'login_required',
      ({ oidc }) => oidc.session?.accountId !== undefined && oidc.account === undefined,
    ),
  );
  checks?.add(
    new Check('application_tenant', 'End-User authentication is required', 'login_required', (context) => {
      const account = accountOf(context);
      const asked = context.oidc.params?.[organizationParameter];
      return asked !== undefined && account !== undefined && account.applicationTenantId !== asked;
    }),
  );
  checks?.add(
    new Check(
      'network_refused',
      'End-User authentication is required',
      'login_required',
      async (context) => context.oidc.session?.accountId !== undefined && !(await admitsNetwork(context)),
    ),
  );
  checks?.remove('essential_acr');
  checks?.remove('essential_acrs');
  checks?.add(
    createAuthenticationClassCheck({
      requiresSecondFactor: async (context) => isSecondFactorRequired(await policyFor(context)),
    }),
  );
  return policy;
}

function clientNameOf({ oidc }: KoaContextWithOIDC): string | undefined {
  return oidc.client?.clientName ?? oidc.client?.clientId;
}
