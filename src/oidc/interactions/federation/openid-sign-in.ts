import type { Context } from 'koa';
import { UpstreamFailure } from '../../../cloud/upstream-failure.ts';
import type { ActivityLog } from '../../../identity/activity-log.ts';
import { identityOf } from '../../../identity/federated-sign-in.ts';
import { habitsOf, type ProviderHabits } from '../../../identity/provider-habits.ts';
import type { SignInSource } from '../../../identity/sign-in-source.ts';
import type { UpstreamConnections } from '../../../identity/upstream-connections.ts';
import { personOfClaims, type UpstreamPerson } from '../../../identity/upstream-person.ts';
import { type Clock, epochSeconds } from '../../../kernel/clock.ts';
import type { TenantRecord } from '../../../kernel/tenant.ts';
import type { Log } from '../../../platform/log.ts';
import type { LookFor } from '../../../web/page-look.ts';
import type { Render } from '../../../web/render.ts';
import type { ChooseApplicationTenant } from '../application-tenant-choice.ts';
import { organizationParameter } from '../application-tenant-choice.ts';
import { assertMethod, type OpenInteraction, type ShowPage, seeOther } from '../interaction-pages.ts';
import { sendPage } from '../page-response.ts';
import type { PasswordAttempts } from '../password-attempts.ts';
import type { SignInFlow } from '../sign-in-flow.ts';
import type { Enter } from './enter.ts';
import type { FederationStates } from './federation-state.ts';
import { type FreshRequest, isFreshSignIn, wantedFreshness } from './fresh-sign-in.ts';
import type { LinkAccountPages } from './link-account.ts';
import { callbackOf } from './source-linking.ts';
import type { createSourceProblemPage } from './source-problem.ts';
import { upstreamParameters } from './upstream-parameters.ts';
import type { UsableSources } from './usable-sources.ts';

export interface OpenidSignInDependencies {
  record: Pick<TenantRecord, 'slug'>;
  /** `<origin>/<slug>`. */
  issuer: string;
  usable: UsableSources;
  connections: Pick<UpstreamConnections, 'openid'>;
  states: FederationStates;
  enter: Enter;
  flow: Pick<SignInFlow, 'begin'>;
  linkAccount: Pick<LinkAccountPages, 'ask'>;
  chooseApplicationTenant: ChooseApplicationTenant;
  attempts: Pick<PasswordAttempts, 'isFromAllowedNetwork'>;
  activity: Pick<ActivityLog, 'note'>;
  sendProblem: ReturnType<typeof createSourceProblemPage>;
  render: Render;
  lookFor: LookFor;
  clock: Clock;
  log: Log;
}

/** Where the browser is sent to the source; `again`: the source is to ask the person, although it knows somebody. */
export function doorOf(open: OpenInteraction, { id }: SignInSource, { again = false } = {}): string {
  return `${open.pageUrl('federation')}?source=${id}${again ? '&again=yes' : ''}`;
}

function freshnessOf({ openid }: SignInSource): ProviderHabits['freshSignIn'] {
  return openid === undefined ? 'auth_time' : habitsOf(openid).freshSignIn;
}

/** Parameters of an authorization response (RFC 6749 §4.1.2, RFC 9207); nothing else is carried on. */
const responseParameters = ['code', 'state', 'iss', 'error'];

/**
 * Signing in at an OpenID provider. `/interaction/<uid>/federation?source=<id>` sends the browser there; it comes back to
 * `/federation/<id>/callback`, one address per source, so that an answer of one provider is never taken for another's (RFC 9700 §4.4). The
 * callback only sends it on to the interaction that it left: there the interaction's cookie proves that it is the same browser, and
 * the state, which is good for one use, that it is the same request. Whoever left the account area is sent back there (`source-linking.ts`).
 */
export function createOpenidSignIn(dependencies: OpenidSignInDependencies): {
  pages: Readonly<Record<string, ShowPage>>;
  answerCallback(context: Context, sourceId: string): Promise<void>;
} {
  const { record, issuer, usable, connections, states, flow, linkAccount } = dependencies;
  const { chooseApplicationTenant, attempts, activity, sendProblem, render, lookFor, clock, log } =
    dependencies;

  /** Says what is wrong, to the person and to the log. */
  async function explaining(
    context: Context,
    open: OpenInteraction,
    source: SignInSource,
    work: () => Promise<void>,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) {
        throw error;
      }
      if (error.kind === 'denied') {
        seeOther(context, open.pageUrl());
        return;
      }
      log.warn({ source: source.id, failure: error.kind, reason: error.message }, 'sign-in source failed');
      sendProblem(context, open, { problem: error.kind, sourceName: source.name });
    }
  }

  function findSource(id: unknown): SignInSource | undefined {
    const source = typeof id === 'string' ? usable.get(id) : undefined;
    return source?.kind === 'openid' ? source : undefined;
  }

  function staleness(
    source: SignInSource,
    { provedAt }: UpstreamPerson,
    fresh: FreshRequest,
  ): 'stale' | 'timeless' | undefined {
    if (provedAt === undefined) {
      return fresh.prompted && freshnessOf(source) === 'arrival' ? undefined : 'timeless';
    }
    return isFreshSignIn(fresh, { provedAt, now: epochSeconds(clock) }) ? undefined : 'stale';
  }

  /** As whose person: what the request asks for; else the only one that the source is for; else by an address that is vouched for. */
  async function placeOf(
    open: OpenInteraction,
    { applicationTenantIds: own }: SignInSource,
    { email, emailVerified }: UpstreamPerson,
  ): Promise<string> {
    const isAsked = open.interaction.params[organizationParameter] !== undefined;
    const [only, ...others] = own ?? [];
    return !isAsked && only !== undefined && others.length === 0
      ? only
      : chooseApplicationTenant(open, emailVerified ? (email ?? '') : '');
  }

  async function arrive(
    context: Context,
    open: OpenInteraction,
    source: SignInSource,
    person: UpstreamPerson,
  ): Promise<void> {
    const applicationTenantId = await placeOf(open, source, person);
    if (!(await usable.isUsable(source, applicationTenantId))) {
      sendProblem(context, open, { problem: 'unknown', sourceName: source.name });
      return;
    }
    if (!(await attempts.isFromAllowedNetwork(context, applicationTenantId))) {
      activity.note({ kind: 'sign-in-failed', applicationTenantId, reason: 'network' }, context);
      sendProblem(context, open, { problem: 'network', sourceName: source.name });
      return;
    }
    const arrival = { source, applicationTenantId, person };
    const outcome = await dependencies.enter(context, arrival);
    const { methods, provedAt } = person;
    const session = provedAt === undefined ? {} : { signedInAt: Math.min(provedAt, epochSeconds(clock)) };
    if (outcome.kind === 'account') {
      await flow.begin(context, open, outcome.account, methods, session);
    } else if (outcome.kind === 'prove') {
      await linkAccount.ask(context, open, {
        accountId: outcome.account.id,
        sourceName: source.name,
        link: { identity: identityOf(arrival), label: person.email ?? person.subject },
        methods,
        ...session,
      });
    } else {
      log.info({ source: source.id, refused: outcome.reason }, 'sign-in source refused');
      activity.note(
        { kind: 'sign-in-failed', applicationTenantId, reason: 'source', factor: source.name },
        context,
      );
      sendProblem(context, open, { problem: outcome.reason, sourceName: source.name });
    }
  }

  return {
    pages: {
      async federation(context, open) {
        const source = findSource(context.query.source);
        if (source === undefined || !(await attempts.isFromAllowedNetwork(context))) {
          seeOther(context, open.pageUrl());
          return;
        }
        await explaining(context, open, source, async () => {
          const provider = await connections.openid(source);
          const fresh = wantedFreshness(open.interaction);
          const ask =
            context.query.again !== undefined ||
            (fresh !== undefined && (fresh.anew || freshnessOf(source) === 'arrival'));
          const prompts = await provider.prompts();
          const parameters = upstreamParameters(open.interaction, { fresh, ask, prompts });
          const begun = await states.begin({
            uid: open.interaction.uid,
            sourceId: source.id,
            ...(fresh && {
              fresh: { ...fresh, askedAt: epochSeconds(clock), prompted: parameters.prompt !== undefined },
            }),
          });
          const request = { ...begun, redirectUri: callbackOf(issuer, source), parameters };
          seeOther(context, (await provider.authorizationUrl(request)).href);
        });
      },

      async 'federation-return'(context, open) {
        const query = new URLSearchParams(context.querystring);
        const begun = await states.consume(query.get('state') ?? '');
        const source = begun && findSource(begun.sourceId);
        // Used up, too old, or of another browser: whoever it is begins again.
        if (
          !source ||
          begun.uid !== open.interaction.uid ||
          !(await attempts.isFromAllowedNetwork(context))
        ) {
          seeOther(context, open.pageUrl());
          return;
        }
        await explaining(context, open, source, async () => {
          const provider = await connections.openid(source);
          const state = query.get('state') ?? '';
          const checks = { ...begun, state, redirectUri: callbackOf(issuer, source) };
          const claims = await provider.redeem(query, checks);
          const person = personOfClaims(claims, source);
          const problem = begun.fresh && staleness(source, person, begun.fresh);
          if (problem === undefined) {
            await arrive(context, open, source, person);
            return;
          }
          log.info({ source: source.id, refused: problem }, 'sign-in source refused');
          sendProblem(context, open, {
            problem,
            sourceName: source.name,
            ...(problem === 'stale' ? { againUrl: doorOf(open, source, { again: true }) } : {}),
          });
        });
      },
    },

    async answerCallback(context, sourceId) {
      assertMethod(context, ['GET']);
      const query = new URLSearchParams(context.querystring);
      const begun = await states.peek(query.get('state') ?? '');
      if (begun?.sourceId !== sourceId) {
        const look = lookFor(context);
        const { t } = look.texts;
        const data = { title: t('failure.expired-title'), text: t('failure.expired') };
        sendPage(context, render('message', data, look), { status: 400 });
        return;
      }
      const carried = new URLSearchParams();
      for (const name of responseParameters) {
        for (const value of query.getAll(name)) {
          carried.append(name, value);
        }
      }
      const place =
        begun.owner === undefined ? `interaction/${begun.uid}/federation-return` : 'account/linked/return';
      seeOther(context, `/${record.slug}/${place}?${carried}`);
    },
  };
}
