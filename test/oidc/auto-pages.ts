import { interactionPolicy } from 'oidc-provider';
import type { TenantPagesFactory } from '../../src/oidc/tenant-pages.ts';

const sessionRules = {
  timeoutSeconds: 3600,
  absoluteTimeoutSeconds: 43_200,
  extendOnActivity: true,
  maxConcurrent: 100,
};

/** Pages that ask nothing: whoever `login_hint` names is signed in, and everything that was asked for is granted. */
export const autoPages: TenantPagesFactory = ({ record }) => ({
  hooks: {
    findAccount: async (_ctx, sub) => ({
      accountId: sub,
      claims: async () => ({ sub, email: `${sub}@example.com` }),
    }),
    extraTokenClaims: async () => undefined,
    roleScopesOf: async () => undefined,
    async loadExistingGrant({ oidc }) {
      const { client, session, provider } = oidc;
      if (!client || !session?.accountId) throw new Error('nobody is signed in');
      const grantId = session.grantIdFor(client.clientId);
      const existing = grantId === undefined ? undefined : await provider.Grant.find(grantId);
      const grant =
        existing ?? new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
      grant.addOIDCScope([...oidc.requestParamScopes].join(' '));
      for (const [indicator, { scope }] of Object.entries(oidc.resourceServers ?? {})) {
        grant.addResourceScope(indicator, scope);
      }
      await grant.save();
      return grant;
    },
    renderError(ctx, out) {
      ctx.type = 'html';
      ctx.body = `<h1>${out.error}</h1>`;
    },
    renderHandOver(ctx) {
      ctx.body = '<h1>further</h1>';
    },
    renderNotFound(ctx) {
      ctx.type = 'html';
      ctx.body = '<h1>not found</h1>';
      ctx.status = 404;
    },
    interactions: {
      policy: interactionPolicy.base(),
      url: async (_ctx, { uid }) => `/${record.slug}/interaction/${uid}`,
    },
    claims: { openid: ['sub'], email: ['email'] },
    logoutSource(ctx, form) {
      ctx.body = `<html>${form.replace('</form>', '<button name="logout" value="yes">Sign out</button></form>')}</html>`;
    },
    postLogoutSuccessSource(ctx) {
      ctx.body = '<h1>signed out</h1>';
    },
    extraParams: {},
    devicePages: {
      userCodeInputSource(ctx, form) {
        ctx.body = `<html>${form}</html>`;
      },
      userCodeConfirmSource(ctx, form) {
        ctx.body = `<html>${form}</html>`;
      },
      successSource(ctx) {
        ctx.body = '<h1>connected</h1>';
      },
    },
    sessionRules,
    sessionRulesOf: async () => sessionRules,
    describeOrigin: async () => ({ network: '127.0.0.1', device: '', applicationTenantId: 'default' }),
    admitsNetwork: async () => true,
  },
  connect: (provider) => async (context, path) => {
    if (!path.startsWith('/interaction/')) return false;
    context.respond = false;
    const { prompt, params } = await provider.interactionDetails(context.req, context.res);
    const result =
      prompt.name === 'login' ? { login: { accountId: String(params.login_hint) } } : { consent: {} };
    await provider.interactionFinished(context.req, context.res, result);
    return true;
  },
});
