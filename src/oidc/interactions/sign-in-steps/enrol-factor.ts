import type { Context } from 'koa';
import { methodsOfPasskey, phishingResistant, singleFactor } from '../../../identity/authentication-level.ts';
import { hasSecondFactor } from '../../../identity/factors.ts';
import type { Passkeys } from '../../../identity/passkeys.ts';
import type { TotpCodes } from '../../../identity/totp.ts';
import { AppError } from '../../../kernel/errors.ts';
import type { Message } from '../../../web/i18n/texts.ts';
import { createQrPicture } from '../../../web/qr-picture.ts';
import type { Render } from '../../../web/render.ts';
import type { FactorGuard } from '../factor-guard.ts';
import { sendPage } from '../page-response.ts';
import type { FactorsOfPending } from '../pending-factors.ts';
import type { PendingSignIn, SignInFlow, SignInStep } from '../sign-in-flow.ts';
import { wantedClassOf } from '../wanted-class.ts';

/**
 * Whoever has no second factor, and wants to get to where one is asked for, sets one up on the way (B4). It never replaces or joins a factor
 * that the account has: that is for somebody who has proved it.
 */
export function createEnrolFactorStep({
  factorsOf,
  totpCodes,
  passkeys,
  guard,
  render,
}: {
  factorsOf: FactorsOfPending;
  totpCodes: Pick<TotpCodes, 'begin' | 'confirm'>;
  passkeys: Pick<Passkeys, 'registrationOptions' | 'register'>;
  guard: Pick<FactorGuard, 'tell'>;
  render: Render;
}): (flow: SignInFlow) => SignInStep {
  const name = 'enrol-factor';

  return (flow) => {
    async function send(
      context: Context,
      pending: PendingSignIn,
      { status, error }: { status: number; error?: Message },
    ): Promise<void> {
      const { open, account } = pending;
      const form = (formName: string) => ({ action: open.actionUrl(formName), csrf: open.csrf(formName) });
      const { t, say } = open.look.texts;
      const { cid } = open.interaction;
      const options = await passkeys.registrationOptions(account, cid);
      const totp =
        wantedClassOf(pending).required !== phishingResistant && (await totpCodes.begin(account, cid));
      const data = {
        lead: t('factors.enrol-lead'),
        ...(totp
          ? {
              totp: {
                ...form('enrol-totp'),
                secret: inGroups(totp.secret),
                qr: createQrPicture(totp.uri),
              },
            }
          : {}),
        passkey: { ...form('enrol-passkey'), options: JSON.stringify(options) },
        ...(error === undefined ? {} : { error: say(error) }),
        cancel: form('cancel'),
      };
      const html = render(name, data, open.look);
      sendPage(context, html, { status, formTarget: open.redirectUri, scripts: true });
    }

    return {
      name,

      isDue: async (pending) =>
        wantedClassOf(pending).wished !== singleFactor && !hasSecondFactor(await factorsOf(pending)),

      show: (context, pending) => send(context, pending, { status: 200 }),

      forms: {
        async 'enrol-totp'(context, pending, { code = '' }) {
          const { open, account } = pending;
          const outcome = await totpCodes.confirm(account.id, open.interaction.cid, code);
          if (outcome === 'enrolled') {
            guard.tell(context, account, 'factor-added', 'totp');
            await flow.goOn(context, pending, ['otp']);
          } else {
            const key = outcome === 'wrong' ? 'factors.wrong-code' : `factors.enrol-${outcome}`;
            await send(context, pending, { status: 422, error: { key } as Message });
          }
        },

        async 'enrol-passkey'(context, pending, { response = '', name: passkeyName = '' }) {
          const { open, account } = pending;
          const proof = await registerUnlessKnown(() =>
            passkeys.register(account.id, open.interaction.cid, response, passkeyName),
          );
          if (proof === 'known' || proof === undefined) {
            const key = proof === 'known' ? 'factors.known-passkey' : 'factors.wrong-passkey';
            await send(context, pending, { status: 422, error: { key } });
            return;
          }
          guard.tell(context, account, 'factor-added', 'passkey');
          const { synced } = proof.passkey;
          await flow.goOn(context, pending, methodsOfPasskey({ synced, userVerified: proof.userVerified }));
        },
      },
    };
  };
}

/** `known` instead of the error for a credential that somebody has registered. */
export async function registerUnlessKnown<Proof>(register: () => Promise<Proof>): Promise<Proof | 'known'> {
  try {
    return await register();
  } catch (error) {
    if (error instanceof AppError && error.code === 'conflict') {
      return 'known';
    }
    throw error;
  }
}

/** Easier to type from a screen. */
export function inGroups(secret: string): string {
  return secret.match(/.{1,4}/g)?.join(' ') ?? secret;
}
