import type { Context } from 'koa';
import type { Interaction, Provider } from 'oidc-provider';
import { AppError } from '../../kernel/errors.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import { readFormBody } from '../../web/body.ts';
import { csrfToken, isCsrfToken } from '../../web/csrf.ts';
import type { LookFor, PageLook } from '../../web/page-look.ts';
import type { Render } from '../../web/render.ts';
import { sendPage } from './page-response.ts';

/** A form that came back, with a CSRF token that fits it. */
export type Form = Readonly<Record<string, string>>;

/** One interaction of one browser, as the pages of its prompt see it. */
export interface OpenInteraction {
  interaction: Interaction;
  /** The application's name, or its id when it has none. */
  clientName: string;
  /** Where the browser returns to in the end. */
  redirectUri: string | undefined;
  /** The person's language, and the tenant's looks. */
  look: PageLook;
  /** Of a page of the prompt; without a name, of its first one. */
  pageUrl(page?: string): string;
  actionUrl(form: string): string;
  csrf(form: string): string;
}

export type ShowPage = (context: Context, open: OpenInteraction) => Promise<void>;
export type TakeForm = (context: Context, open: OpenInteraction, form: Form) => Promise<void>;

/** The pages of one prompt of the provider's policy. Names are `[a-z-]{1,20}`. */
export interface PromptPages {
  /** Shows the prompt's first page. */
  show: ShowPage;
  /** Shows the further pages of these names. */
  pages?: Readonly<Record<string, ShowPage>>;
  /** Takes the forms of these names; `cancel` is every prompt's. A page and a form may share a name. */
  forms: Readonly<Record<string, TakeForm>>;
}

/**
 * `/interaction/<uid>` shows the page of the prompt that the interaction waits for, `/interaction/<uid>/<name>` its further pages, and takes
 * its forms. The uid must be that of the browser's own interaction cookie, and every form carries a token bound to it.
 */
export function createInteractionPages({
  record,
  provider,
  findClientName,
  prompts,
  render,
  lookFor,
}: {
  record: TenantRecord;
  provider: Provider;
  findClientName: (clientId: string) => Promise<string | undefined>;
  prompts: Readonly<Record<string, PromptPages>>;
  render: Render;
  lookFor: LookFor;
}): (context: Context, uid: string, name: string | undefined) => Promise<void> {
  async function open(context: Context, uid: string): Promise<OpenInteraction | undefined> {
    const interaction = await findInteraction(context, uid);
    if (!interaction) {
      return undefined;
    }
    const clientId = String(interaction.params.client_id);
    const redirectUri = interaction.params.redirect_uri;
    return {
      interaction,
      clientName: (await findClientName(clientId)) ?? clientId,
      redirectUri: typeof redirectUri === 'string' ? redirectUri : undefined,
      look: lookFor(context, interaction.params.ui_locales),
      pageUrl: (page) => `/${record.slug}/interaction/${uid}${page === undefined ? '' : `/${page}`}`,
      actionUrl: (form) => `/${record.slug}/interaction/${uid}/${form}`,
      csrf: (form) => csrfToken(interaction.cid, `${uid} ${form}`),
    };
  }

  /**
   * As the provider's `interactionDetails`, but that a sign-in goes on when the session that it was begun in has ended meanwhile, as by a new
   * password: then nobody is signed in.
   */
  async function findInteraction(context: Context, uid: string): Promise<Interaction | undefined> {
    const { cookies } = provider.createContext(context.req, context.res);
    const interaction =
      cookies.get(provider.cookieName('interaction')) === uid
        ? await provider.Interaction.find(uid)
        : undefined;
    const former = interaction?.session;
    if (!interaction || former === undefined) {
      return interaction;
    }
    const session = await provider.Session.findByUid(former.uid);
    if (session) {
      return session.accountId === former.accountId ? interaction : undefined;
    }
    interaction.session = undefined;
    return interaction.prompt.name === 'login' ? interaction : undefined;
  }

  function sendExpired(context: Context): void {
    const look = lookFor(context);
    const { t } = look.texts;
    const html = render('message', { title: t('failure.expired-title'), text: t('failure.expired') }, look);
    sendPage(context, html, { status: 400 });
  }

  async function cancel(context: Context, { interaction }: OpenInteraction): Promise<void> {
    seeOther(
      context,
      await finishInteraction(interaction, {
        error: 'access_denied',
        error_description: 'End-User aborted interaction',
      }),
    );
  }

  const pageNames = new Set(Object.values(prompts).flatMap(({ pages = {} }) => Object.keys(pages)));

  return async (context, uid, name) => {
    assertMethod(context, methodsOf(name));
    const opened = await open(context, uid);
    const prompt = opened && prompts[opened.interaction.prompt.name];
    if (!opened || !prompt) {
      sendExpired(context);
      return;
    }
    if (context.method !== 'POST') {
      const show = name === undefined ? prompt.show : prompt.pages?.[name];
      await (show ? show(context, opened) : sendExpired(context));
      return;
    }
    const takeForm = name === 'cancel' ? cancel : prompt.forms[name ?? ''];
    const form = await readFormBody(context);
    // A form of another prompt or with a token that does not fit: most likely a page that was left open.
    if (!takeForm || !isCsrfToken(opened.interaction.cid, `${uid} ${name}`, form.csrf)) {
      sendExpired(context);
      return;
    }
    await takeForm(context, opened, form);
  };

  function methodsOf(name: string | undefined): readonly string[] {
    if (name === undefined) {
      return ['GET', 'HEAD'];
    }
    return pageNames.has(name) ? ['GET', 'HEAD', 'POST'] : ['POST'];
  }
}

/** The answer to a form that worked: the browser goes on by a GET, so that going back or reloading sends nothing twice. */
export function seeOther(context: Context, target: string): void {
  context.status = 303;
  context.redirect(target);
}

/** Stores the answer of the person and returns the address at which the provider goes on. */
export async function finishInteraction(
  interaction: Interaction,
  result: NonNullable<Interaction['result']>,
): Promise<string> {
  interaction.result = result;
  await interaction.persist();
  return interaction.returnTo;
}

export function assertMethod(context: Context, allowed: readonly string[]): void {
  if (!allowed.includes(context.method)) {
    throw new AppError('method_not_allowed', 'This method is not supported here.', {
      headers: { Allow: allowed.join(', ') },
    });
  }
}
