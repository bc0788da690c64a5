import type { Context } from 'koa';
import {
  classOfMethods,
  methodsOfPasskey,
  phishingResistant,
  singleFactor,
} from '../../../identity/authentication-level.ts';
import { type AccountFactors, hasSecondFactor } from '../../../identity/factors.ts';
import type { Passkeys } from '../../../identity/passkeys.ts';
import type { RecoveryCodes } from '../../../identity/recovery-codes.ts';
import type { TotpCodes } from '../../../identity/totp.ts';
import type { Message } from '../../../web/i18n/texts.ts';
import type { Render } from '../../../web/render.ts';
import type { FactorGuard } from '../factor-guard.ts';
import { sendPage } from '../page-response.ts';
import type { FactorsOfPending } from '../pending-factors.ts';
import type { PendingSignIn, SignInFlow, SignInStep } from '../sign-in-flow.ts';
import { wantedClassOf } from '../wanted-class.ts';

/**
 * Whoever has a second factor is asked for it, required or not (B4): a person set it up to be asked. The page offers what the account has;
 * where a phishing-resistant sign-in is wanted, and the account has a passkey, nothing but that.
 */
export function createSecondFactorStep({
  factorsOf,
  totpCodes,
  recoveryCodes,
  passkeys,
  guard,
  render,
}: {
  factorsOf: FactorsOfPending;
  totpCodes: Pick<TotpCodes, 'verify'>;
  recoveryCodes: Pick<RecoveryCodes, 'use'>;
  passkeys: Pick<Passkeys, 'secondFactorOptions' | 'verifySecondFactor'>;
  guard: FactorGuard;
  render: Render;
}): (flow: SignInFlow) => SignInStep {
  const name = 'second-factor';

  return (flow) => {
    async function send(
      context: Context,
      pending: PendingSignIn,
      { status, error }: { status: number; error?: Message },
    ): Promise<void> {
      const { open, account } = pending;
      const factors = await factorsOf(pending);
      const form = (formName: string) => ({ action: open.actionUrl(formName), csrf: open.csrf(formName) });
      const offersCodes = !needsPasskey(pending, factors);
      const options =
        factors.passkeys.length > 0 && (await passkeys.secondFactorOptions(account.id, open.interaction.cid));
      const data = {
        email: account.email,
        ...(offersCodes && factors.totpSince !== undefined ? { totp: form('totp') } : {}),
        ...(options ? { passkey: { ...form('passkey-factor'), options: JSON.stringify(options) } } : {}),
        ...(offersCodes && factors.recoveryCodesLeft > 0 ? { recovery: form('recovery-code') } : {}),
        ...(error === undefined ? {} : { error: open.look.texts.say(error) }),
        cancelAction: open.actionUrl('cancel'),
        cancelCsrf: open.csrf('cancel'),
      };
      const html = render(name, data, open.look);
      sendPage(context, html, { status, formTarget: open.redirectUri, scripts: options !== false });
    }

    return {
      name,

      async isDue(pending) {
        const factors = await factorsOf(pending);
        return (
          hasSecondFactor(factors) &&
          (classOfMethods(pending.methods) === singleFactor || needsPasskey(pending, factors))
        );
      },

      show: (context, pending) => send(context, pending, { status: 200 }),

      forms: {
        async totp(context, pending, { code = '' }) {
          const { account } = pending;
          if (needsPasskey(pending, await factorsOf(pending))) {
            await send(context, pending, { status: 422 });
            return;
          }
          let wasUsed = false;
          const outcome = await guard.attempt(context, account, 'totp', async () => {
            const result = await totpCodes.verify(account.id, code);
            wasUsed = result === 'used';
            return result === 'accepted';
          });
          if (outcome === 'right') {
            await flow.goOn(context, pending, ['otp']);
          } else {
            await send(context, pending, refusal(outcome, wasUsed ? 'used-code' : 'wrong-code'));
          }
        },

        async 'recovery-code'(context, pending, { code = '' }) {
          const { account } = pending;
          if (needsPasskey(pending, await factorsOf(pending))) {
            await send(context, pending, { status: 422 });
            return;
          }
          const outcome = await guard.attempt(context, account, 'recovery-code', () =>
            recoveryCodes.use(account.id, code),
          );
          if (outcome === 'right') {
            guard.tell(context, account, 'recovery-used', 'recovery-codes');
            await flow.goOn(context, pending, ['otp']);
          } else {
            await send(context, pending, refusal(outcome, 'wrong-recovery'));
          }
        },

        async 'passkey-factor'(context, pending, { response = '' }) {
          const { open, account } = pending;
          const proof = await passkeys.verifySecondFactor(account.id, open.interaction.cid, response);
          if (proof) {
            const { synced } = proof.passkey;
            await flow.goOn(context, pending, methodsOfPasskey({ synced, userVerified: proof.userVerified }));
          } else {
            await send(context, pending, refusal('wrong', 'wrong-passkey'));
          }
        },
      },
    };
  };
}

function needsPasskey(pending: PendingSignIn, { passkeys }: AccountFactors): boolean {
  return (
    wantedClassOf(pending).wished === phishingResistant &&
    passkeys.length > 0 &&
    classOfMethods(pending.methods) !== phishingResistant
  );
}

function refusal(
  outcome: 'wrong' | 'must-wait',
  wrong: 'wrong-code' | 'used-code' | 'wrong-recovery' | 'wrong-passkey',
): { status: number; error: Message } {
  return outcome === 'must-wait'
    ? { status: 429, error: { key: 'sign-in.too-many-attempts' } }
    : { status: 401, error: { key: `factors.${wrong}` } };
}
