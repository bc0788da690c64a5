import { Type } from 'typebox';
import { auditInvitationRevoked, auditUserInvited } from '../../audit/people-events.ts';
import { createIsTakenUp } from '../../identity/account-credentials.ts';
import { createAccountLinks } from '../../identity/account-links.ts';
import { type Account, defaultApplicationTenantId } from '../../identity/accounts.ts';
import { createBrandingStore } from '../../identity/branding.ts';
import { createInvitations, type Invitation, invitationDays } from '../../identity/invitations.ts';
import { createLinks } from '../../identity/links.ts';
import { createMailTemplates } from '../../identity/mail-templates.ts';
import { createTenantMailWords } from '../../identity/tenant-mail-words.ts';
import { actorName } from '../../kernel/actor.ts';
import { AppError } from '../../kernel/errors.ts';
import type { AccountAccessOf } from '../../oidc/account-access.ts';
import type { PostMail } from '../../outbox/mail-channel.ts';
import type { Queryable } from '../../platform/postgres.ts';
import { defaultLocale, locales } from '../../web/i18n/locales.ts';
import type { AccessRules, PathParameters, TenantCaller } from '../access.ts';
import { json, removedSchema } from '../answer-schema.ts';
import { invitationPageSchema, invitationSchema } from '../answers/users.ts';
import { assertMatch, showMember } from '../etag.ts';
import { assertRolesExist } from '../people/check-roles.ts';
import { type OpenPeopleDependencies, openVisiblePeople } from '../people/open-people.ts';
import { powerOf } from '../people/power.ts';
import { removeUser } from '../people/remove-user.ts';
import { applicationTenantField } from '../people/schemas.ts';
import { findGroups, userDocument, userProblems } from '../people/users.ts';
import { defaultPageSize, noQuery, pageFields, querySchema } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface InvitationRoutesDependencies extends OpenPeopleDependencies {
  postMail: PostMail;
  /** What else there is of an account. */
  accountAccess: AccountAccessOf;
  publicUrl: URL;
}

const { email, name, roles, groups } = userDocument.properties;
const newInvitationSchema = Type.Object(
  {
    ...applicationTenantField,
    email,
    name,
    roles: Type.Optional(roles),
    groups: Type.Optional(groups),
    locale: Type.Optional(Type.Enum([...locales], { description: 'Language of the mail' })),
  },
  { additionalProperties: false },
);

const path = '/api/tenants/{slug}/invitations';

/** Invitations (B7): an account without a password, and a link by mail to set one. */
export function invitationRoutes(
  { read, write }: RouteKinds,
  access: AccessRules,
  dependencies: InvitationRoutesDependencies,
): Route[] {
  const { clock, postMail, publicUrl, accountAccess } = dependencies;

  async function open(caller: TenantCaller) {
    const people = await openVisiblePeople(dependencies, caller);
    const accountLinks = createAccountLinks({ ...people, links: createLinks(people.stores) });
    const invitations = createInvitations({ ...people.stores, ...people, accountLinks });

    return {
      people,
      invitations,

      async find({ invitationId = '' }: PathParameters) {
        const invitation = await invitations.get(invitationId);
        const account = invitation && (await people.accounts.get(invitation.accountId));
        const own = caller.applicationTenantId;
        if (!invitation || !account || (own !== undefined && account.applicationTenantId !== own)) {
          throw new AppError('not_found', 'There is no such invitation.');
        }
        return { invitation, account };
      },

      assertPower: (account: Account) => powerOf(caller, people).overAccount(account),

      async post(transaction: Queryable, invitation: Invitation, invited: string, token: string) {
        const { record } = people;
        const applicationTenant = await people.chooseToChange(invitation.applicationTenantId);
        const isOfTenant = applicationTenant.id === defaultApplicationTenantId;
        const { displayName = record.name, language } = await createBrandingStore(people.stores).get();
        const write = createTenantMailWords({
          templates: createMailTemplates(people.stores),
          tenantName: isOfTenant ? displayName : applicationTenant.name,
          language: language ?? defaultLocale,
        });
        const mail = await write({
          to: invitation.email,
          template: 'welcome',
          ...(invitation.locale === undefined ? {} : { locale: invitation.locale }),
          variables: {
            name: invited,
            email: invitation.email,
            link: `${publicUrl.origin}/${record.slug}/invitation/${token}`,
            minutes: String(invitationDays * 1_440),
          },
        });
        await postMail(transaction, 'user-invitation', mail, record.id);
      },

      view: async (invitation: Invitation) => ({
        ...invitation,
        state: await invitations.stateOf(invitation),
      }),
      event: ({ id, accountId, applicationTenantId }: Invitation) => ({
        tenantId: people.record.id,
        actor: caller.actor,
        invitationId: id,
        accountId,
        applicationTenantId,
      }),
    };
  }

  return [
    write({
      path,
      summary: 'Invite somebody',
      operation: 'createInvitation',
      answers: { 201: json(invitationSchema, 'ETag') },
      access: access.applicationTenant('users:write'),
      body: newInvitationSchema,
      problems: userProblems,
      async handle({ caller, body, transaction }) {
        const { people, invitations, post, view, event } = await open(caller);
        const { applicationTenant, groups: groupIds = [], roles: names = [], locale, ...given } = body;
        const { id: applicationTenantId } = await people.chooseToChange(applicationTenant);
        await assertRolesExist(people, names, applicationTenantId);
        const joined = await findGroups(people, groupIds, applicationTenantId);
        const all = [...names, ...joined.flatMap((group) => group.roles)];
        await powerOf(caller, people).overRoles(all, applicationTenantId);
        const account = await people.accounts.create({ ...given, roles: names, applicationTenantId });
        await Promise.all(joined.map((group) => people.memberships.add(account, group)));
        const { invitation, token } = await invitations.create(account, {
          invitedBy: actorName(caller.actor),
          locale,
        });
        await post(transaction, invitation, account.name, token);
        await auditUserInvited(transaction, clock, event(invitation));
        return showMember(await view(invitation), { status: 201 });
      },
    }),
    read({
      path,
      summary: 'List invitations',
      operation: 'listInvitations',
      answers: { 200: json(invitationPageSchema) },
      access: access.applicationTenant('users:read'),
      query: querySchema({ ...pageFields, ...applicationTenantField }),
      async handle({ caller, query: { applicationTenant, limit = defaultPageSize, cursor } }) {
        const { people, invitations, view } = await open(caller);
        const { id } = await people.choose(applicationTenant);
        const page = await invitations.list(id, { limit, ...(cursor === undefined ? {} : { cursor }) });
        return {
          status: 200,
          body: { ...page, invitations: await Promise.all(page.invitations.map(view)) },
        };
      },
    }),
    read({
      path: `${path}/{invitationId}`,
      summary: 'Read an invitation',
      operation: 'getInvitation',
      answers: { 200: json(invitationSchema, 'ETag') },
      access: access.applicationTenant('users:read'),
      query: noQuery,
      async handle({ caller, params }) {
        const { find, view } = await open(caller);
        return showMember(await view((await find(params)).invitation));
      },
    }),
    write({
      path: `${path}/{invitationId}/resend`,
      summary: 'Send an invitation again, with a new link',
      operation: 'resendInvitation',
      answers: { 200: json(invitationSchema, 'ETag') },
      access: access.applicationTenant('users:write'),
      body: noQuery,
      async handle({ caller, params, transaction }) {
        const { invitations, find, assertPower, post, view, event } = await open(caller);
        const { invitation, account } = await find(params);
        await assertPower(account);
        if (account.disabled || (await invitations.stateOf(invitation)) === 'accepted') {
          throw new AppError('conflict', 'The invitation was accepted, or the account is disabled.');
        }
        const renewed = await invitations.renew(invitation, account);
        await post(transaction, renewed.invitation, account.name, renewed.token);
        await auditUserInvited(transaction, clock, event(invitation));
        return showMember(await view(renewed.invitation));
      },
    }),
    write({
      method: 'DELETE',
      path: `${path}/{invitationId}`,
      summary: 'Take an invitation back, and the account with it unless it was accepted',
      operation: 'revokeInvitation',
      answers: { 200: json(removedSchema) },
      access: access.applicationTenant('users:write'),
      body: noQuery,
      async handle({ caller, params, ifMatch, transaction }) {
        const { people, invitations, find, assertPower, view, event } = await open(caller);
        const { invitation, account: invited } = await find(params);
        assertMatch(ifMatch, await view(invitation));
        await assertPower(invited);
        // From here on nobody accepts it; whoever has done so by now keeps the account.
        await invitations.remove(invitation);
        const account = await people.accounts.get(invitation.accountId);
        if (account && !(await createIsTakenUp(people.stores)(account))) {
          await removeUser({ accounts: people.accounts, access: accountAccess(people.record) }, account);
        }
        await auditInvitationRevoked(transaction, clock, event(invitation));
        return { status: 200, body: { id: invitation.id, removed: true } };
      },
    }),
  ];
}
