import type { Context } from 'koa';
import type { Table } from '../../../cloud/tables/port.ts';
import { accountPartition } from '../../../identity/account.ts';
import { type Clock, epochSeconds } from '../../../kernel/clock.ts';
import type { Message } from '../../../web/i18n/texts.ts';
import type { Render } from '../../../web/render.ts';
import type { SendVerification } from '../../account/address-verification.ts';
import { sendPage } from '../page-response.ts';
import type { PendingSignIn, SignInFlow, SignInStep } from '../sign-in-flow.ts';

/** Whoever has put it off is asked again after a week. */
const pauseSeconds = 7 * 86_400;

/**
 * Offers to prove the address that an application asks for, to whoever has never proved it: an administrator may have typed it in. Nobody is held up:
 * the person goes on as soon as they like.
 */
export function createVerifyAddressStep({
  table,
  clock,
  sendVerification,
  render,
}: {
  table: Table;
  clock: Clock;
  sendVerification: SendVerification;
  render: Render;
}): (flow: SignInFlow) => SignInStep {
  const name = 'verify-address';
  const keyOf = (accountId: string) => ({ pk: accountPartition(accountId), sk: 'verification-offer' });

  return (flow) => {
    function send(
      context: Context,
      { open, account }: PendingSignIn,
      { status = 200, sent = false, error }: { status?: number; sent?: boolean; error?: Message } = {},
    ): void {
      const { t, say } = open.look.texts;
      const form = (formName: string) => ({ action: open.actionUrl(formName), csrf: open.csrf(formName) });
      const data = {
        clientName: open.clientName,
        email: account.email,
        ...(sent ? { notice: t('account.done-verification') } : { send: form('send-verification') }),
        ...(error === undefined ? {} : { error: say(error) }),
        goOn: form('go-on'),
      };
      const html = render(name, data, open.look);
      sendPage(context, html, { status, formTarget: open.redirectUri });
    }

    return {
      name,

      async isDue({ open, account }) {
        const scopes = String(open.interaction.params.scope ?? '').split(' ');
        if (account.emailVerified || !scopes.includes('email')) {
          return false;
        }
        const putOff = await table.get(keyOf(account.id));
        return (putOff?.expiresAt ?? 0) <= epochSeconds(clock);
      },

      show: async (context, pending) => send(context, pending),

      forms: {
        async 'send-verification'(context, pending) {
          const outcome = await sendVerification(context, pending.account, pending.open.look.texts.locale);
          send(
            context,
            pending,
            outcome === 'sent'
              ? { sent: true }
              : { status: 429, error: { key: 'sign-in.too-many-attempts' } },
          );
        },

        async 'go-on'(context, pending) {
          await table.put({ ...keyOf(pending.account.id), expiresAt: epochSeconds(clock) + pauseSeconds });
          await flow.goOn(context, pending);
        },
      },
    };
  };
}
