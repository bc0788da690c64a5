import type { Context } from 'koa';
import { normalizeEmail } from '../../identity/email-address.ts';
import type { Message } from '../../web/i18n/texts.ts';
import type { Render } from '../../web/render.ts';
import type { SignInOffers } from '../../web/views.ts';
import type { AsksAddressFirst } from './address-first.ts';
import type { ChooseApplicationTenant } from './application-tenant-choice.ts';
import type { ProvePassword } from './federation/directory-passwords.ts';
import type { LinkAccountPages } from './federation/link-account.ts';
import type { createSourceProblemPage } from './federation/source-problem.ts';
import { type OpenInteraction, type ShowPage, seeOther, type TakeForm } from './interaction-pages.ts';
import { sendPage } from './page-response.ts';
import type { PasswordAttempts } from './password-attempts.ts';
import type { SignInFlow } from './sign-in-flow.ts';
import type { SignInOffer, SignInPlace } from './sign-in-offer.ts';

/** What the sign-in page is made from. */
export interface SignInDependencies {
  flow: SignInFlow;
  provePassword: ProvePassword;
  /** Whether a password could be taken there, the tenant's or a directory's; with an address, for whoever has it. */
  takesPasswords: (applicationTenantId: string, email?: string) => Promise<boolean>;
  asksAddressFirst: AsksAddressFirst;
  linkAccount: Pick<LinkAccountPages, 'ask'>;
  sendProblem: ReturnType<typeof createSourceProblemPage>;
  chooseApplicationTenant: ChooseApplicationTenant;
  offers: readonly SignInOffer[];
  attempts: PasswordAttempts;
  render: Render;
}

/** What is said besides. */
interface Remarks {
  status?: number;
  error?: Message | undefined;
  notice?: Message;
}

/**
 * The first pages of the prompt `login`: e-mail address and password, and what else the tenant offers. Where the address decides who takes the password
 * it is asked for on a page of its own. The page after it depends on the address's domain alone, never on whether there is an account.
 */
export function createSignInPage(dependencies: SignInDependencies): {
  show: ShowPage;
  pages: Readonly<Record<string, ShowPage>>;
  forms: Readonly<Record<string, TakeForm>>;
} {
  const { flow, provePassword, linkAccount, sendProblem, chooseApplicationTenant } = dependencies;
  const { takesPasswords, asksAddressFirst, offers, attempts, render } = dependencies;

  async function describe(open: OpenInteraction, place: SignInPlace): Promise<SignInOffers> {
    const described = await Promise.all(offers.map((offer) => offer.describe(open, place)));
    return Object.assign({}, ...described) as SignInOffers;
  }

  function send(
    context: Context,
    open: OpenInteraction,
    page: Pick<SignInPlace, 'asks' | 'email'> &
      Remarks & {
        offers: SignInOffers;
        autofill?: boolean;
        usePassword?: boolean;
        otherAddress?: boolean;
      },
  ): void {
    const { asks, email, status = 200, error, notice, autofill = false } = page;
    const { say } = open.look.texts;
    const form = (name: string) => ({ action: open.actionUrl(name), csrf: open.csrf(name) });
    const cancel = form('cancel');
    const data = {
      clientName: open.clientName,
      ...form(asks === 'address' ? 'address' : 'sign-in'),
      cancelAction: cancel.action,
      cancelCsrf: cancel.csrf,
      asks,
      email,
      offers: page.offers,
      autofill,
      ...(page.usePassword ? { passwordUrl: open.pageUrl('password') } : {}),
      ...(page.otherAddress ? { otherAddressUrl: open.pageUrl('address') } : {}),
      ...(error === undefined ? {} : { error: say(error) }),
      ...(notice === undefined ? {} : { notice: say(notice) }),
    };
    const html = render('sign-in', data, open.look);
    const scripts = data.offers.passkey !== undefined;
    sendPage(context, html, { status, formTarget: open.redirectUri, scripts });
  }

  /** The page without an address, or with one that decides nothing. */
  async function sendFirst(
    context: Context,
    open: OpenInteraction,
    {
      email,
      autofill = true,
      onlyAddress = false,
      ...remarks
    }: Remarks & { email: string; autofill?: boolean; onlyAddress?: boolean },
  ): Promise<void> {
    const applicationTenantId = await chooseApplicationTenant(open, onlyAddress ? '' : email);
    const takes = await takesPasswords(applicationTenantId);
    const asks = onlyAddress ? 'address' : takes ? 'both' : 'nothing';
    const described = await describe(open, { email, applicationTenantId, asks });
    send(context, open, { asks, email, autofill, offers: described, ...remarks });
  }

  /** What somebody with this address can do. */
  async function sendWays(
    context: Context,
    open: OpenInteraction,
    { email, withPassword = false, ...remarks }: Remarks & { email: string; withPassword?: boolean },
  ): Promise<void> {
    const applicationTenantId = await chooseApplicationTenant(open, email);
    const takes = await takesPasswords(applicationTenantId, email);
    const described = await describe(open, { email, applicationTenantId, asks: 'password' });
    const { sources = [], areSourcesOwn = false } = described;
    const asks = takes && (withPassword || !areSourcesOwn) ? 'password' : 'nothing';
    send(context, open, {
      asks,
      email,
      offers: described,
      usePassword: takes && asks === 'nothing',
      otherAddress: true,
      ...(asks === 'nothing' && !takes && sources.length === 0
        ? { error: remarks.error ?? { key: 'sign-in.no-way' } }
        : {}),
      ...remarks,
    });
  }

  /** From the address to what follows from it: to the only place that there is, or else to a choice. */
  async function goOn(context: Context, open: OpenInteraction, email: string): Promise<void> {
    const applicationTenantId = await chooseApplicationTenant(open, email);
    if (!(await takesPasswords(applicationTenantId, email))) {
      const { sources } = await describe(open, { email, applicationTenantId, asks: 'password' });
      const [only, ...others] = sources ?? [];
      if (only !== undefined && others.length === 0) {
        // Not a redirect: the policy of the page before would have to name where the source leads.
        sendPage(context, render('hand-over', { url: only.url }, open.look), { scripts: true });
        return;
      }
    }
    seeOther(context, open.pageUrl());
  }

  /** The page again, and why. */
  async function sendAgain(
    context: Context,
    open: OpenInteraction,
    page: Remarks & { email: string; autofill?: boolean },
  ): Promise<void> {
    if (!(await asksAddressFirst(open))) {
      await sendFirst(context, open, page);
    } else if (page.email === '') {
      await sendFirst(context, open, { ...page, onlyAddress: true });
    } else {
      await sendWays(context, open, { ...page, withPassword: true });
    }
  }

  return {
    async show(context, open) {
      const { reasons } = open.interaction.prompt;
      const email = addressOf(open);
      const otherAccount = reasons.some((reason) => reasonsForAnotherAccount.has(reason));
      const page = {
        email,
        ...(otherAccount && open.interaction.session
          ? { notice: { key: 'sign-in.other-account' } as const }
          : {}),
      };
      if (!(await asksAddressFirst(open))) {
        await sendFirst(context, open, page);
      } else if (email === '') {
        await sendFirst(context, open, { ...page, onlyAddress: true });
      } else {
        await sendWays(context, open, page);
      }
    },

    pages: {
      async address(context, open) {
        await sendFirst(context, open, { email: '', onlyAddress: true });
      },
      async password(context, open) {
        const email = addressOf(open);
        if (email === '') {
          seeOther(context, open.pageUrl());
        } else {
          await sendWays(context, open, { email, withPassword: true });
        }
      },
    },

    forms: {
      async address(context, open, { email: typed = '' }) {
        const email = normalizeEmail(typed.slice(0, 254));
        if (email !== undefined) {
          await noteAddress(open, email);
          await goOn(context, open, email);
          return;
        }
        const error = { key: 'sign-up.no-address' } as const;
        await sendFirst(context, open, {
          email: typed.slice(0, 254),
          onlyAddress: true,
          status: 422,
          error,
        });
      },

      async 'sign-in'(context, open, { email = '', password = '' }) {
        const applicationTenantId = await chooseApplicationTenant(open, email);
        const outcome = await attempts.attempt(
          context,
          { applicationTenantId, email },
          () => provePassword(context, { email, password, applicationTenantId }),
          (proof) =>
            proof.kind === 'must-wait' || (proof.kind === 'refused' && proof.problem === 'unavailable'),
        );
        const typed = { email: email.slice(0, 254) };
        if ('error' in outcome) {
          await sendAgain(context, open, { ...typed, ...outcome });
        } else if (outcome.kind === 'must-wait') {
          await sendAgain(context, open, { ...typed, ...mustWait });
        } else if (outcome.kind === 'account') {
          await flow.begin(context, open, outcome.account, outcome.methods, outcome.more);
        } else if (outcome.kind === 'prove') {
          await linkAccount.ask(context, open, outcome.request);
        } else {
          sendProblem(context, open, outcome);
        }
      },
      ...Object.fromEntries(
        offers.flatMap(({ forms = {} }) =>
          Object.entries(forms).map(([name, take]): [string, TakeForm] => [
            name,
            (context, open, form) =>
              // A browser that agrees by itself would send the passkey that was refused again and again.
              take(context, open, form, (page) =>
                sendAgain(context, open, { email: '', autofill: false, ...page }),
              ),
          ]),
        ),
      ),
    },
  };
}

/** As the request or the person says. */
function addressOf({ interaction }: OpenInteraction): string {
  const hint = interaction.params.login_hint;
  return (typeof hint === 'string' && normalizeEmail(hint)) || '';
}

/** What the person has typed in is the better hint, here and at a source. Kept on the server: no address of a page carries it. */
async function noteAddress({ interaction }: OpenInteraction, email: string): Promise<void> {
  interaction.params.login_hint = email;
  await interaction.persist();
}

const mustWait = { status: 429, error: { key: 'sign-in.too-many-attempts' } } as const;

const reasonsForAnotherAccount = new Set([
  'id_token_hint',
  'claims_id_token_sub_value',
  'application_tenant',
]);
