import { classOfMethods, singleFactor } from '../../../identity/authentication-level.ts';
import { hasSecondFactor } from '../../../identity/factors.ts';
import type { RecoveryCodes } from '../../../identity/recovery-codes.ts';
import type { Render } from '../../../web/render.ts';
import { seeOther } from '../interaction-pages.ts';
import { sendPage } from '../page-response.ts';
import type { FactorsOfPending } from '../pending-factors.ts';
import type { SignInFlow, SignInStep } from '../sign-in-flow.ts';

/**
 * Recovery codes for whoever has none that they have kept: after a second factor was set up, and when the last code is used up. Each time the page is
 * shown it has new codes, and those count; so nobody has to wonder which of two pages was right, and nothing readable is stored.
 */
export function createRecoveryCodesStep({
  factorsOf,
  recoveryCodes,
  render,
}: {
  factorsOf: FactorsOfPending;
  recoveryCodes: Pick<RecoveryCodes, 'replace' | 'noteSaved'>;
  render: Render;
}): (flow: SignInFlow) => SignInStep {
  const name = 'recovery-codes';

  return (flow) => ({
    name,

    async isDue(pending) {
      if (classOfMethods(pending.methods) === singleFactor) {
        return false;
      }
      const factors = await factorsOf(pending);
      return hasSecondFactor(factors) && (!factors.recoveryCodesSaved || factors.recoveryCodesLeft === 0);
    },

    async show(context, { open, account }) {
      const { setId, codes } = await recoveryCodes.replace(account.id);
      const data = { codes, setId, action: open.actionUrl(name), csrf: open.csrf(name) };
      sendPage(context, render(name, data, open.look), { formTarget: open.redirectUri });
    },

    forms: {
      async [name](context, pending, { set = '' }) {
        if (await recoveryCodes.noteSaved(pending.account.id, set)) {
          await flow.goOn(context, pending);
        } else {
          seeOther(context, pending.open.pageUrl(name));
        }
      },
    },
  });
}
