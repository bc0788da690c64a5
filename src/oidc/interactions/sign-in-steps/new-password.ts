import type { Accounts } from '../../../identity/accounts.ts';
import { isPasswordExpired, passwordProblemsFor, passwordRules } from '../../../identity/password-rules.ts';
import type { SecurityAlerts } from '../../../identity/security-alerts.ts';
import type { Clock } from '../../../kernel/clock.ts';
import type { ReadClientIp } from '../../../web/client-ip.ts';
import type { Message } from '../../../web/i18n/texts.ts';
import type { Render } from '../../../web/render.ts';
import { sendPage } from '../page-response.ts';
import type { SignInFlow, SignInStep } from '../sign-in-flow.ts';

/** Whoever's password is older than the policy allows (B4) sets a new one on the way. */
export function createNewPasswordStep({
  accounts,
  alerts,
  readClientIp,
  render,
  clock,
}: {
  accounts: Pick<Accounts, 'isRecentPassword' | 'setPassword'>;
  alerts: Pick<SecurityAlerts, 'raise'>;
  readClientIp: ReadClientIp;
  render: Render;
  clock: Clock;
}): (flow: SignInFlow) => SignInStep {
  const name = 'new-password';

  return (flow) => {
    function send(
      context: Parameters<SignInStep['show']>[0],
      { open, account, policy }: Parameters<SignInStep['show']>[1],
      { problems, status }: { problems: readonly Message[]; status: number },
    ): void {
      const { t, say } = open.look.texts;
      const data = {
        title: t('password.expired-title'),
        lead: t('password.expired-lead', { days: policy.password.expiryDays }),
        action: open.actionUrl(name),
        csrf: open.csrf(name),
        email: account.email,
        rules: passwordRules(policy.password).map(say),
        problems: problems.map(say),
        askPresent: false,
        submit: t('password.save-and-go-on'),
      };
      const html = render('new-password', data, open.look);
      sendPage(context, html, { status, formTarget: open.redirectUri });
    }

    return {
      name,

      /** A password that was not used to sign in is nobody's way in today, and not in the way either. */
      isDue: ({ account, methods, policy }) =>
        methods.includes('pwd') &&
        // A directory's password is the directory's to renew.
        !methods.includes('fed') &&
        isPasswordExpired(policy.password, account, clock),

      async show(context, pending) {
        send(context, pending, { problems: [], status: 200 });
      },

      forms: {
        async [name](context, pending, { password = '', confirmation = '' }) {
          const problems =
            password === confirmation
              ? await passwordProblemsFor(accounts, pending.account, pending.policy.password, password)
              : [{ key: 'password.unequal' as const }];
          if (problems.length > 0) {
            send(context, pending, { problems, status: 422 });
            return;
          }
          await accounts.setPassword(pending.account.id, password);
          alerts.raise({
            kind: 'password-changed',
            account: pending.account,
            clientIp: readClientIp(context.req),
            userAgent: context.get('User-Agent'),
            locale: pending.open.look.texts.locale,
          });
          await flow.goOn(context, pending, ['pwd']);
        },
      },
    };
  };
}
