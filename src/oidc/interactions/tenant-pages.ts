/**
 * Interactions: what a person sees while signing in to a tenant. Owns the pages for sign-in, consent, sign-out and invitations, and the hooks
 * through which the provider asks about people. Owns neither accounts and credentials (`identity`) nor the protocol (the provider).
 *
 * Flow: the provider finds that a prompt is needed and redirects to `/<slug>/interaction/<uid>`; `interaction-pages.ts` finds the
 * interaction by the browser's cookie and shows the page of its prompt (`sign-in.ts`, `consent.ts`); a form comes back with a token bound to
 * the interaction; its result is stored there, and the browser returns to the provider, which goes on. `invitation.ts` stands beside
 * this: it sets a first password by a single-use link.
 *
 * Pages work without scripts (passkeys alone need one), load nothing from elsewhere, and are never cached.
 */

import { createRemoveCredentials } from '../../identity/account-credentials.ts';
import { createAccountLinks } from '../../identity/account-links.ts';
import { openApplicationRules } from '../../identity/application-rules.ts';
import { createBrandingStore } from '../../identity/branding.ts';
import { createLinks } from '../../identity/links.ts';
import { createMailTemplates } from '../../identity/mail-templates.ts';
import { openPeople } from '../../identity/people.ts';
import { openSafeguards, type ProcessSafeguards } from '../../identity/safeguards.ts';
import { createPolicyStore } from '../../identity/security-policy.ts';
import { createTenantMailWords } from '../../identity/tenant-mail-words.ts';
import type { ConnectUpstreams } from '../../identity/upstream-connections.ts';
import type { ReadClientIp } from '../../web/client-ip.ts';
import { createLookFor } from '../../web/page-look.ts';
import { createRateLimit } from '../../web/rate-limit.ts';
import type { Render } from '../../web/render.ts';
import { createAccountGrants } from '../account/account-grants.ts';
import { createAccountPages } from '../account/account-pages.ts';
import { accountClientId } from '../account/account-sign-in.ts';
import { createSendVerification } from '../account/address-verification.ts';
import { createCredentialPages } from '../account/credential-pages.ts';
import { loadTenantBrand } from '../branding-pages.ts';
import { createFormGuard } from '../self-service/form-guard.ts';
import { createSelfService } from '../self-service/self-service.ts';
import { createSelfServiceLinks } from '../self-service/sign-in-links.ts';
import type { TenantPagesFactory } from '../tenant-pages.ts';
import { createUserRoom } from '../user-room.ts';
import { createAdminScopeFilter } from './admin-scope-filter.ts';
import { createApplicationTenantChoice } from './application-tenant-choice.ts';
import { createConsentPages } from './consent.ts';
import { installDeviceGuard } from './device-pages.ts';
import { createDeviceWatch } from './device-watch.ts';
import { openFactorSteps } from './factor-steps.ts';
import { createFederation } from './federation/federation.ts';
import { createInteractionPages } from './interaction-pages.ts';
import { createInvitationPage } from './invitation.ts';
import { createGoOnAsProved, createJustProved } from './just-proved.ts';
import { noteSignOuts } from './note-sign-outs.ts';
import { createPageRoutes } from './page-routes.ts';
import { createPasskeyOffer } from './passkey-offer.ts';
import { createPasswordAttempts } from './password-attempts.ts';
import { createProviderHooks } from './provider-hooks.ts';
import { createSignInPage } from './sign-in.ts';
import { createSignInFlow } from './sign-in-flow.ts';
import type { OnSignInTried } from './sign-in-outcome.ts';
import { createSignInStates } from './sign-in-state.ts';
import { createNewPasswordStep } from './sign-in-steps/new-password.ts';
import { createVerifyAddressStep } from './sign-in-steps/verify-address.ts';
import { createStepUp } from './step-up.ts';

/** Forms of the page for user codes that one network may send to a tenant. */
const userCodesPerMinute = 20;

/**
 * What all tenants share goes in here, what belongs to one comes with each call. The policy is read once per runtime: the runtime is
 * rebuilt when the tenant's configuration changes.
 */
export function createTenantPagesFactory({
  render,
  readClientIp,
  safeguards: ofProcess,
  upstreams,
  onSignInTried = () => {},
}: {
  render: Render;
  readClientIp: ReadClientIp;
  safeguards: ProcessSafeguards;
  upstreams: ConnectUpstreams;
  onSignInTried?: OnSignInTried;
}): TenantPagesFactory {
  const userCodeLimit = createRateLimit({ points: userCodesPerMinute, durationSeconds: 60 });
  return async (tenant) => {
    const { record, issuer, adminApiResource, table, clients, resources, clock, random } = tenant;
    const stores = { table, clock, random };
    const people = openPeople({ ...stores, room: createUserRoom(stores, tenant.meter) });
    const { accounts } = people;
    const links = createLinks({ table, clock, random });
    const accountLinks = createAccountLinks({ links, findActive: people.findActive });
    const policy = await createPolicyStore({ table }).get();
    const applicationRules = await openApplicationRules({
      policy,
      applicationTenants: people.applicationTenants,
      clock,
    });
    const { policyOf } = applicationRules;
    const adminScopeFilter = createAdminScopeFilter({ kind: record.kind, people, adminApiResource });
    const applicationTenantChoice = createApplicationTenantChoice(people.applicationTenants);
    const branding = createBrandingStore({ table });
    const { answerFile, ...brand } = await loadTenantBrand({
      slug: record.slug,
      name: record.name,
      branding,
    });
    const lookFor = createLookFor(brand);
    const safeguards = openSafeguards(ofProcess, {
      ...tenant,
      renderMail: createTenantMailWords({
        templates: createMailTemplates({ table }),
        tenantName: brand.brand.name,
        language: brand.language,
      }),
    });
    const { limits, devices, alerts } = safeguards;
    const { mailDispatch: dispatch } = ofProcess;
    const sendVerification = createSendVerification({
      ...safeguards,
      issuer,
      accountLinks,
      dispatch,
      readClientIp,
    });
    const factors = openFactorSteps({
      ...tenant,
      tenantName: brand.brand.name,
      limits,
      alerts,
      devices,
      readClientIp,
      render,
    });
    const attempts = createPasswordAttempts({
      policyOf,
      limits,
      devices,
      alerts,
      activity: tenant.activity,
      findByEmail: accounts.findByEmail,
      readClientIp,
      onSignInTried,
    });
    const federation = await createFederation({
      ...tenant,
      ...applicationRules,
      ...upstreams,
      ...people,
      ...safeguards,
      ...factors,
      accountLinks,
      chooseApplicationTenant: applicationTenantChoice.choose,
      attempts,
      dispatch,
      readClientIp,
      render,
      lookFor,
    });
    const deviceWatch = createDeviceWatch({
      table,
      devices,
      alerts,
      dispatch,
      readClientIp,
    });
    const cookieScope = { path: `/${record.slug}`, secure: issuer.startsWith('https:') };
    const justProved = createJustProved({ ...stores, ...cookieScope, findActive: people.findActive });
    const showInvitation = createInvitationPage({
      record,
      issuer,
      accounts,
      accountLinks,
      clients,
      policyOf,
      deviceWatch,
      activity: tenant.activity,
      justProved,
      render,
      lookFor,
      log: tenant.log,
    });

    return {
      hooks: createProviderHooks({
        record,
        people,
        policy,
        policyOf,
        adminScopeFilter,
        resourceServers: tenant.resourceServers,
        applicationTenantChoice,
        render,
        lookFor,
        readClientIp,
      }),
      connect(provider, sessions) {
        installDeviceGuard(provider, {
          limit: userCodeLimit,
          readClientIp,
          render,
          lookFor,
          tenantId: record.id,
        });
        noteSignOuts(provider, { accounts, activity: tenant.activity });
        const flow = createSignInFlow({
          sessions,
          people,
          policyOf,
          states: createSignInStates({ table, clock }),
          clock,
          onSignInTried,
          onSignedIn(context, { account, methods, clientId, directoryId }) {
            deviceWatch.signedIn(context, account, directoryId);
            tenant.activity.note({ kind: 'signed-in', account, methods, clientId }, context);
          },
          link: federation.link,
          // A stolen password is not enough to set another one.
          steps: [
            factors.secondFactor,
            createNewPasswordStep({ accounts, alerts, readClientIp, render, clock }),
            factors.enrolFactor,
            factors.recoveryCodesStep,
            createVerifyAddressStep({ table, clock, sendVerification, render }),
          ],
        });
        const sources = federation.connect(flow);
        const stepUp = createStepUp({ provider, flow, people, factors: factors.factors, clock });
        const goOnAsProved = createGoOnAsProved({
          ...applicationRules,
          justProved,
          flow,
          applicationTenantChoice,
          attempts,
        });
        const signInPage = createSignInPage({
          ...sources,
          flow,
          chooseApplicationTenant: applicationTenantChoice.choose,
          offers: [
            createPasskeyOffer({
              flow,
              passkeys: factors.passkeys,
              people,
              applicationTenantChoice,
              ...applicationRules,
              readClientIp,
              activity: tenant.activity,
              onSignInTried,
            }),
            sources.offer,
            createSelfServiceLinks({ slug: record.slug, ...people }),
          ],
          attempts,
          render,
        });
        const answerInteraction = createInteractionPages({
          record,
          provider,
          findClientName: async (clientId) =>
            clientId === accountClientId ? brand.brand.name : (await clients.get(clientId))?.name,
          prompts: {
            login: {
              async show(context, open) {
                const isOnTheWay = (await stepUp(context, open)) || (await goOnAsProved(context, open));
                if (!isOnTheWay) {
                  await signInPage.show(context, open);
                }
              },
              pages: { ...signInPage.pages, ...flow.pages, ...sources.pages },
              forms: { ...signInPage.forms, ...sources.forms, ...flow.forms },
            },
            consent: createConsentPages({
              provider,
              accounts,
              resources,
              adminApiResource,
              activity: tenant.activity,
              render,
            }),
          },
          render,
          lookFor,
        });

        const grants = createAccountGrants({ table, clock });
        const answerSelfService = createSelfService({
          ...safeguards,
          ...people,
          record,
          issuer,
          links,
          accountLinks,
          policyOf,
          deviceWatch,
          activity: tenant.activity,
          justProved,
          formGuard: createFormGuard({ ...cookieScope, cookieKeys: tenant.cookieKeys, random }),
          dispatch,
          async endAccess(accountId) {
            await sessions.endAll(accountId);
            await grants.revokeAll(accountId);
          },
          readClientIp,
          render,
          lookFor,
        });
        const answerAccount = createAccountPages(
          {
            ...tenant,
            ...safeguards,
            sessions,
            people,
            provider,
            accountLinks,
            sendVerification,
            grants,
            factors: factors.factors,
            linkedSources: federation.linkedSources,
            policyOf,
            guard: factors.guard,
            removeCredentials: createRemoveCredentials({ table, clock, random }),
            dispatch,
            readClientIp,
            render,
            lookFor,
          },
          (signIn) =>
            createCredentialPages(
              {
                factorSteps: factors,
                applicationRules,
                linkedSources: federation.linkedSources,
                linking: federation.linking,
                sessions,
                alerts,
                readClientIp,
                render,
              },
              signIn,
            ),
        );

        return createPageRoutes({
          answerInteraction,
          answerCallback: sources.answerCallback,
          showInvitation,
          others: [answerSelfService, answerAccount, answerFile],
        });
      },
    };
  };
}
