import type { Context } from 'koa';
import type { Account } from '../../../identity/accounts.ts';
import { methodsOfPasskey } from '../../../identity/authentication-level.ts';
import type { Factors } from '../../../identity/factors.ts';
import type { Passkeys } from '../../../identity/passkeys.ts';
import { AppError } from '../../../kernel/errors.ts';
import type { ReadClientIp } from '../../../web/client-ip.ts';
import type { Message } from '../../../web/i18n/texts.ts';
import type { Render } from '../../../web/render.ts';
import {
  type Form,
  type OpenInteraction,
  type ShowPage,
  seeOther,
  type TakeForm,
} from '../interaction-pages.ts';
import { sendPage } from '../page-response.ts';
import type { PasswordAttempts } from '../password-attempts.ts';
import type { SignInFlow } from '../sign-in-flow.ts';
import type { VerifyPassword } from '../verify-password.ts';
import type { LinkMail } from './link-mail.ts';
import type { LinkRequest, LinkRequests } from './link-requests.ts';

export interface LinkAccountPages {
  /** Asks for the proof on a page of its own. */
  ask(context: Context, open: OpenInteraction, request: LinkRequest): Promise<void>;
  pages: Readonly<Record<string, ShowPage>>;
  forms: Readonly<Record<string, TakeForm>>;
}

type Asked = LinkRequest & { account: Account };

const name = 'link-account';

/**
 * The page on which the owner of an account proves to be it, before a sign-in source may speak for it: by the account's password, a passkey that has
 * seen its owner, or a mail to the verified address, whichever the account has. That is the first proof; what else the account asks for comes as in
 * every sign-in, and only then the link is made.
 */
export function createLinkAccountPages({
  requests,
  flow,
  attempts,
  verifyPassword,
  factors,
  passkeys,
  mail,
  readClientIp,
  render,
}: {
  requests: LinkRequests;
  flow: Pick<SignInFlow, 'begin'>;
  attempts: PasswordAttempts;
  verifyPassword: VerifyPassword;
  factors: Pick<Factors, 'of'>;
  passkeys: Pick<Passkeys, 'secondFactorOptions' | 'verifySecondFactor'>;
  mail: LinkMail;
  readClientIp: ReadClientIp;
  render: Render;
}): LinkAccountPages {
  const formOf = (open: OpenInteraction, form: string) => ({
    action: open.actionUrl(form),
    csrf: open.csrf(form),
  });

  async function send(
    context: Context,
    open: OpenInteraction,
    { account, sourceName }: Asked,
    { status = 200, error, sent = false }: { status?: number; error?: Message; sent?: boolean } = {},
  ): Promise<void> {
    const { t, say } = open.look.texts;
    const hasPasskey = (await factors.of(account.id)).passkeys.length > 0;
    const options =
      hasPasskey &&
      (await passkeys.secondFactorOptions(account.id, open.interaction.cid, {
        userVerification: 'required',
      }));
    const data = {
      email: account.email,
      sourceName,
      ...(account.passwordSetAt === undefined ? {} : { password: formOf(open, name) }),
      ...(options ? { passkey: { ...formOf(open, 'link-passkey'), options: JSON.stringify(options) } } : {}),
      ...(account.emailVerified && !sent ? { mail: formOf(open, 'link-mail') } : {}),
      ...(sent ? { notice: t('federation.link-mail-sent', { email: account.email }) } : {}),
      backUrl: open.pageUrl(),
      ...(error === undefined ? {} : { error: say(error) }),
    };
    const html = render(name, data, open.look);
    sendPage(context, html, { status, formTarget: open.redirectUri, scripts: hasPasskey });
  }

  /** Whoever has no request any more begins again. */
  function withRequest(
    take: (context: Context, open: OpenInteraction, asked: Asked, form: Form) => Promise<void>,
  ): (context: Context, open: OpenInteraction, form?: Form) => Promise<void> {
    return async (context, open, form = {}) => {
      const asked = await requests.find(open);
      await (asked ? take(context, open, asked, form) : seeOther(context, open.pageUrl()));
    };
  }

  async function prove(
    context: Context,
    open: OpenInteraction,
    { account, link }: Asked,
    proof: { methods: readonly string[]; signedInAt?: number | undefined },
  ): Promise<void> {
    const { methods, signedInAt } = proof;
    await flow.begin(context, open, account, methods, {
      link,
      ...(signedInAt === undefined ? {} : { signedInAt }),
    });
  }

  const tokenOf = ({ query }: Context) => (typeof query.token === 'string' ? query.token : '');

  function sendUseless(context: Context, open: OpenInteraction): void {
    const { t } = open.look.texts;
    const page = {
      title: t('invitation.invalid-title'),
      text: t('self-service.invalid'),
      goOn: { url: open.pageUrl(name), label: t('federation.try-again') },
    };
    sendPage(context, render('message', page, open.look), { status: 404, formTarget: open.redirectUri });
  }

  return {
    async ask(context, open, request) {
      await requests.put(open, request);
      seeOther(context, open.pageUrl(name));
    },

    pages: {
      [name]: withRequest((context, open, asked) => send(context, open, asked)),

      /** The mailed link. Programs that look into mails follow links, so a person presses the button. */
      'link-proof': withRequest(async (context, open, asked) => {
        const token = tokenOf(context);
        if (!(await mail.isOf(open, asked, token))) {
          sendUseless(context, open);
          return;
        }
        const { t } = open.look.texts;
        const page = {
          title: t('federation.link-title'),
          lead: t('federation.link-proof-lead', { source: asked.sourceName, email: asked.account.email }),
          action: `${open.actionUrl('link-proof')}?token=${token}`,
          csrf: open.csrf('link-proof'),
          submit: t('federation.link-submit'),
        };
        sendPage(context, render('confirm', page, open.look), { formTarget: open.redirectUri });
      }),
    },

    forms: {
      [name]: withRequest(async (context, open, asked, { password = '' }) => {
        const { email, applicationTenantId, id } = asked.account;
        const proved = await attempts.attempt(context, { email, applicationTenantId }, async () => {
          const account = await verifyPassword(email, password, applicationTenantId);
          return account?.id === id ? account : undefined;
        });
        if ('error' in proved) {
          await send(context, open, asked, proved);
          return;
        }
        await prove(context, open, asked, { methods: ['pwd'] });
      }),

      'link-passkey': withRequest(async (context, open, asked, { response = '' }) => {
        const { id } = asked.account;
        const proof = await passkeys.verifySecondFactor(id, open.interaction.cid, response);
        if (!proof?.userVerified) {
          await send(context, open, asked, { status: 401, error: { key: 'factors.wrong-passkey' } });
          return;
        }
        const { synced } = proof.passkey;
        await prove(context, open, asked, { methods: methodsOfPasskey({ synced, userVerified: true }) });
      }),

      'link-mail': withRequest(async (context, open, asked) => {
        if (!asked.account.emailVerified) {
          await send(context, open, asked, { status: 422 });
          return;
        }
        try {
          await mail.send(open, asked, readClientIp(context.req));
        } catch (error) {
          if (!(error instanceof AppError) || error.code !== 'rate_limited') {
            throw error;
          }
          context.set({ ...error.headers });
          const refused = { status: 429, error: { key: 'sign-in.too-many-attempts' } } as const;
          await send(context, open, asked, refused);
          return;
        }
        await send(context, open, asked, { sent: true });
      }),

      'link-proof': withRequest(async (context, open, asked) => {
        if (!(await mail.redeem(open, asked, tokenOf(context)))) {
          sendUseless(context, open);
          return;
        }
        // A mailbox is no factor: how sure the sign-in is, is what the source says.
        await prove(context, open, asked, asked);
      }),
    },
  };
}
