/**
 * From the first proof of who somebody is to a finished sign-in. Whatever proves a first factor (the password form, a passkey, another
 * identity provider) calls `begin`; then each step that is due shows its page at `/interaction/<uid>/<step>`, and when none is left the
 * provider gets its answer. What was proved is kept on the server meanwhile (`sign-in-state.ts`): no form, cookie or address carries it.
 *
 * Owns the order of the steps and the end. Does not know any factor, only how sure a sign-in is with those that were proved.
 */
import type { Context } from 'koa';
import type { Interaction } from 'oidc-provider';
import type { Account } from '../../identity/accounts.ts';
import type { PolicyOf } from '../../identity/application-rules.ts';
import { classOfMethods, combineMethods, satisfies } from '../../identity/authentication-level.ts';
import type { People } from '../../identity/people.ts';
import type { SecurityPolicy } from '../../identity/security-policy.ts';
import { type Clock, epochSeconds } from '../../kernel/clock.ts';
import type { AccountSessions } from '../sessions/account-sessions.ts';
import {
  type Form,
  finishInteraction,
  type OpenInteraction,
  type ShowPage,
  seeOther,
  type TakeForm,
} from './interaction-pages.ts';
import type { OnSignInTried } from './sign-in-outcome.ts';
import type { LinkToBe, SignInState, SignInStates } from './sign-in-state.ts';
import { wantedClassOf } from './wanted-class.ts';

/** A sign-in that has begun: the account is proved by `methods`, and a step may ask for more. */
export interface PendingSignIn {
  open: OpenInteraction;
  account: Account;
  /** What holds for the account. */
  policy: SecurityPolicy;
  /** RFC 8176. */
  methods: readonly string[];
  /** Epoch seconds of the latest proof. */
  provedAt: number;
  /** Epoch seconds: since when the person has been signed in, when a session of ours or of a sign-in source shows it. */
  signedInAt?: number;
  /** An identity at a sign-in source that becomes the account's once everything is proved. */
  link?: LinkToBe;
  /** The directory that took the password. */
  directoryId?: string;
}

/** Something that may be asked of a person between the first proof and the end. Its page is at its name. */
export interface SignInStep {
  name: string;
  /** Asked after every proof, so a step that was done must answer false. */
  isDue(pending: PendingSignIn): boolean | Promise<boolean>;
  show(context: Context, pending: PendingSignIn): Promise<void>;
  /** By name; those of all steps share one space of names. Each ends with a page, or with `SignInFlow.goOn`. */
  forms: Readonly<Record<string, (context: Context, pending: PendingSignIn, form: Form) => Promise<void>>>;
}

export interface SignInFlow {
  /** A first factor was proved, by these methods; or long ago, at `signedInAt` (epoch seconds), and a session shows it. */
  begin(
    context: Context,
    open: OpenInteraction,
    account: Account,
    methods: readonly string[],
    more?: Pick<PendingSignIn, 'signedInAt' | 'link' | 'directoryId'>,
  ): Promise<void>;
  /** A step is done; `methods` are those that it proved, if any. */
  goOn(context: Context, pending: PendingSignIn, methods?: readonly string[]): Promise<void>;
}

/** A sign-in that is complete. */
export interface SignedIn {
  account: Account;
  /** RFC 8176. */
  methods: readonly string[];
  /** Where the person signed in to. */
  clientId: string;
  /** The directory that took the password. */
  directoryId: string | undefined;
}

export interface SignInFlowDependencies {
  sessions: Pick<AccountSessions, 'end'>;
  people: Pick<People, 'findActive'>;
  policyOf: PolicyOf;
  states: SignInStates;
  clock: Clock;
  onSignInTried: OnSignInTried;
  /** Told of each sign-in that is complete, while the answer to the browser can still get a cookie. */
  onSignedIn?: (context: Context, signedIn: SignedIn) => void;
  /** In the order in which they are asked. Each gets the flow, to go on with. */
  steps: readonly ((flow: SignInFlow) => SignInStep)[];
  /** Makes what was proved a link. */
  link?: (context: Context, link: LinkToBe, account: Account) => Promise<void>;
}

export function createSignInFlow({
  sessions,
  people,
  policyOf,
  states,
  clock,
  onSignInTried,
  onSignedIn = () => {},
  steps: makers,
  link: linkIdentity = async () => {},
}: SignInFlowDependencies): SignInFlow & {
  pages: Readonly<Record<string, ShowPage>>;
  forms: Readonly<Record<string, TakeForm>>;
} {
  const flow: SignInFlow = {
    async begin(context, open, account, methods, more) {
      const provedAt = more?.signedInAt ?? epochSeconds(clock);
      const policy = await policyOf(account.applicationTenantId);
      await onwards(context, { open, account, policy, methods, provedAt, ...more });
    },
    async goOn(context, pending, methods = []) {
      const provedAt = methods.length > 0 ? epochSeconds(clock) : pending.provedAt;
      const all = [...new Set([...pending.methods, ...methods])];
      // The step may have changed the account, and somebody else may have closed it.
      const account = await people.findActive(pending.account.id);
      if (!account) {
        seeOther(context, pending.open.pageUrl());
        return;
      }
      await onwards(context, { ...pending, account, methods: all, provedAt });
    },
  };
  const steps = makers.map((make) => make(flow));

  async function firstDue(pending: PendingSignIn): Promise<SignInStep | undefined> {
    for (const step of steps) {
      if (await step.isDue(pending)) {
        return step;
      }
    }
    return undefined;
  }

  async function onwards(context: Context, pending: PendingSignIn): Promise<void> {
    const { open, account, methods, provedAt, signedInAt, link, directoryId } = pending;
    const { uid } = open.interaction;
    const step = await firstDue(pending);
    if (step) {
      const more = {
        ...(signedInAt === undefined ? {} : { signedInAt }),
        ...(link === undefined ? {} : { link }),
        ...(directoryId === undefined ? {} : { directoryId }),
      };
      await states.put(uid, { accountId: account.id, methods, provedAt, ...more });
      onSignInTried('more-asked');
      seeOther(context, open.pageUrl(step.name));
      return;
    }
    const acr = classOfMethods(methods);
    if (!satisfies(acr, wantedClassOf(pending).required)) {
      seeOther(context, await finishInteraction(open.interaction, unmetRequirements));
      return;
    }
    if (link !== undefined) {
      await linkIdentity(context, link, account);
    }
    await endSessionOfAnother(sessions, open.interaction, account);
    // A stronger authentication makes the first one no younger: `max_age` counts from there.
    const login = { accountId: account.id, amr: combineMethods(methods), acr, ts: signedInAt ?? provedAt };
    const target = await finishInteraction(open.interaction, { login });
    onSignInTried('signed-in');
    const clientId = String(open.interaction.params.client_id);
    onSignedIn(context, { account, methods: login.amr, clientId, directoryId });
    seeOther(context, target);
  }

  async function findPending(open: OpenInteraction): Promise<PendingSignIn | undefined> {
    const state = await states.get(open.interaction.uid);
    const account = state && (await people.findActive(state.accountId));
    return account && !isOutdated(state, account)
      ? { ...state, open, account, policy: await policyOf(account.applicationTenantId) }
      : undefined;
  }

  /** The page of a step; whoever is not there yet, or further already, is sent to where they are. */
  function pageOf(step: SignInStep): ShowPage {
    return async (context, open) => {
      const pending = await findPending(open);
      if (!pending) {
        seeOther(context, open.pageUrl());
      } else if ((await firstDue(pending)) === step) {
        await step.show(context, pending);
      } else {
        await onwards(context, pending);
      }
    };
  }

  function formOf(step: SignInStep, take: SignInStep['forms'][string]): TakeForm {
    return async (context, open, form) => {
      const pending = await findPending(open);
      if (!pending) {
        seeOther(context, open.pageUrl());
      } else if ((await firstDue(pending)) === step) {
        await take(context, pending, form);
      } else {
        // The step's page knows how to go on.
        seeOther(context, open.pageUrl(step.name));
      }
    };
  }

  return {
    ...flow,
    pages: Object.fromEntries(steps.map((step) => [step.name, pageOf(step)])),
    forms: Object.fromEntries(
      steps.flatMap((step) => Object.entries(step.forms).map(([name, take]) => [name, formOf(step, take)])),
    ),
  };
}

/** The account has nothing that would be strong enough. */
const unmetRequirements = {
  error: 'unmet_authentication_requirements',
  error_description: 'the requested authentication context class cannot be reached with this account',
};

/** A password that was changed after it was proved here was changed by somebody else, or on another page: it has to be proved again. */
export function isOutdated(
  { methods, provedAt }: Pick<SignInState, 'methods' | 'provedAt'>,
  { passwordSetAt }: Account,
): boolean {
  return (
    methods.includes('pwd') &&
    passwordSetAt !== undefined &&
    Date.parse(passwordSetAt) >= (provedAt + 1) * 1000
  );
}

/**
 * A person who signs in while another is signed in on this browser ends the other's session here. Left to the provider, it would send the
 * browser through its logout by a page that submits itself by script.
 */
async function endSessionOfAnother(
  sessions: Pick<AccountSessions, 'end'>,
  interaction: Interaction,
  account: Account,
): Promise<void> {
  const former = interaction.session;
  if (former?.accountId !== undefined && former.accountId !== account.id) {
    await sessions.end(former.accountId, former.uid);
    interaction.session = undefined;
  }
}
