import type { Context } from 'koa';
import type { Account } from '../../identity/accounts.ts';
import { classOfMethods, singleFactor } from '../../identity/authentication-level.ts';
import { type FactorName, hasSecondFactor, removalProblem } from '../../identity/factors.ts';
import { maxPasskeys, passkeyName } from '../../identity/passkeys.ts';
import type { TenantFactors } from '../../identity/tenant-factors.ts';
import type { Message } from '../../web/i18n/texts.ts';
import type { PageLook } from '../../web/page-look.ts';
import { createQrPicture } from '../../web/qr-picture.ts';
import type { Render } from '../../web/render.ts';
import type { Views } from '../../web/views.ts';
import type { FactorGuard } from '../interactions/factor-guard.ts';
import { type Form, seeOther } from '../interactions/interaction-pages.ts';
import { sendPage } from '../interactions/page-response.ts';
import { inGroups, registerUnlessKnown } from '../interactions/sign-in-steps/enrol-factor.ts';
import { isLastWayIn, type WaysInOf } from './ways-in.ts';

/** Whoever is signed in, as the account area shows them to its pages. */
export interface FactorVisitor {
  account: Account;
  /** `methods`: RFC 8176. */
  session: { uid: string; methods: readonly string[] };
  look: PageLook;
  nav: NonNullable<Views['factors']['nav']>;
  /** Of a page of the area, by its path. */
  pageUrl(path: string): string;
  /** Of a form of this page. */
  actionUrl(form: string): string;
  /** Bound to session, page and form. */
  csrf(form: string): string;
}

type Take = (context: Context, visitor: FactorVisitor, form: Form) => Promise<void>;

/** A page of the account area, which looks after session, recent sign-in and the tokens of forms. */
export interface FactorPage {
  /** Below `/account`. */
  path: string;
  navigation?: 'factors.manage-title';
  needsRecentSignIn: true;
  show(context: Context, visitor: FactorVisitor): Promise<void>;
  forms: Readonly<Record<string, Take>>;
}

/**
 * Where a person sees, adds, renames and removes second factors and passkeys (B4), after a recent sign-in with all that the account asks for: a
 * session may be older than the second factor, and whose it is nobody knows. The owner is told of every change.
 */
export function createFactorPages({
  factors,
  totpCodes,
  recoveryCodes,
  passkeys,
  passkeyRecords,
  guard,
  isSecondFactorRequired,
  waysInOf,
  askForSecondFactor,
  endOtherSessions,
  render,
}: TenantFactors & {
  guard: Pick<FactorGuard, 'tell'>;
  /** By the policy that holds for the account. */
  isSecondFactorRequired: (account: Account) => Promise<boolean>;
  waysInOf: WaysInOf;
  /** Sends the browser through a sign-in that ends with two factors, and back to the page. */
  askForSecondFactor: (context: Context, path: string) => void;
  /** A first second factor ends what was begun without it. */
  endOtherSessions: (accountId: string, uid: string) => Promise<void>;
  render: Render;
}): readonly FactorPage[] {
  const formOf = ({ actionUrl, csrf }: FactorVisitor, name: string) => ({
    action: actionUrl(name),
    csrf: csrf(name),
  });

  /** A secret of session and page: no page prints the token of a form that it does not have. */
  const ticketOf = ({ csrf }: FactorVisitor) => csrf('ceremony');

  async function sendList(
    context: Context,
    visitor: FactorVisitor,
    { status = 200, error }: { status?: number; error?: Message } = {},
  ): Promise<void> {
    const { account, look, nav } = visitor;
    const { totpSince, passkeys: known, recoveryCodesLeft } = await factors.of(account.id);
    const timeOf = (iso: string) => look.texts.time(new Date(iso));
    const options =
      known.length < maxPasskeys && (await passkeys.registrationOptions(account, ticketOf(visitor)));
    const data = {
      nav,
      ...(totpSince === undefined
        ? { addAppUrl: visitor.pageUrl(appPath) }
        : {
            app: {
              since: timeOf(totpSince),
              replaceUrl: visitor.pageUrl(newAppPath),
              remove: formOf(visitor, 'remove-app'),
            },
          }),
      passkeys: known.map(({ id, name, synced, createdAt, lastUsedAt }) => ({
        id,
        name,
        synced,
        addedAt: timeOf(createdAt),
        ...(lastUsedAt === undefined ? {} : { usedAt: timeOf(lastUsedAt) }),
      })),
      rename: formOf(visitor, 'rename-passkey'),
      removePasskey: formOf(visitor, 'remove-passkey'),
      ...(options
        ? { addPasskey: { ...formOf(visitor, 'add-passkey'), options: JSON.stringify(options) } }
        : {}),
      ...(totpSince === undefined && known.length === 0
        ? {}
        : { codes: { left: recoveryCodesLeft, ...formOf(visitor, 'new-codes') } }),
      ...(error === undefined ? {} : { error: look.texts.say(error) }),
    };
    sendPage(context, render('factors', data, look), { status, scripts: true });
  }

  async function sendApp(
    context: Context,
    visitor: FactorVisitor,
    formName: 'add-app' | 'replace-app',
    { status = 200, error }: { status?: number; error?: Message } = {},
  ): Promise<void> {
    const { account, look, nav } = visitor;
    const { secret, uri } = await totpCodes.begin(account, ticketOf(visitor));
    const { t, say } = look.texts;
    const data = {
      nav,
      lead: t(formName === 'add-app' ? 'factors.manage-lead' : 'factors.replace-lead'),
      totp: { ...formOf(visitor, formName), secret: inGroups(secret), qr: createQrPicture(uri) },
      ...(error === undefined ? {} : { error: say(error) }),
      backUrl: visitor.pageUrl(listPath),
    };
    sendPage(context, render('enrol-factor', data, look), { status });
  }

  /** Recovery codes for whoever has none; and sessions that were begun without a second factor are no longer enough. */
  async function goOnAfterAdding(context: Context, visitor: FactorVisitor): Promise<void> {
    const { account, session } = visitor;
    const {
      totpSince,
      passkeys: known,
      recoveryCodesSaved,
      recoveryCodesLeft,
    } = await factors.of(account.id);
    if (known.length + (totpSince === undefined ? 0 : 1) === 1) {
      await endOtherSessions(account.id, session.uid);
    }
    if (recoveryCodesSaved && recoveryCodesLeft > 0) {
      seeOther(context, visitor.pageUrl(listPath));
    } else {
      await sendNewCodes(context, visitor);
    }
  }

  async function sendNewCodes(context: Context, visitor: FactorVisitor): Promise<void> {
    const { setId, codes } = await recoveryCodes.replace(visitor.account.id);
    const data = { nav: visitor.nav, codes, setId, ...formOf(visitor, 'saved') };
    sendPage(context, render('recovery-codes', data, visitor.look));
  }

  async function remove(
    context: Context,
    visitor: FactorVisitor,
    factor: FactorName,
    kind: 'totp' | 'passkey',
  ): Promise<void> {
    const { account } = visitor;
    const problem = removalProblem(await factors.of(account.id), factor, {
      // A code of an app leads nowhere by itself.
      isLastWayIn: 'passkeyId' in factor && isLastWayIn(await waysInOf(account), factor),
      secondFactorRequired: await isSecondFactorRequired(account),
    });
    if (problem !== undefined) {
      await sendList(context, visitor, { status: 409, error: { key: `factors.remove-${problem}` } });
      return;
    }
    if (await factors.remove(account.id, factor)) {
      guard.tell(context, account, 'factor-removed', kind);
    }
    seeOther(context, visitor.pageUrl(listPath));
  }

  /** Before anything else: a session without the second factor that the account has gets no further. */
  function strong(path: string, take: Take): Take {
    return async (context, visitor, form) => {
      const { account, session } = visitor;
      const isStrong =
        classOfMethods(session.methods) !== singleFactor || !hasSecondFactor(await factors.of(account.id));
      await (isStrong ? take(context, visitor, form) : askForSecondFactor(context, path));
    };
  }

  async function noteSaved(context: Context, visitor: FactorVisitor, { set = '' }: Form): Promise<void> {
    await recoveryCodes.noteSaved(visitor.account.id, set);
    seeOther(context, visitor.pageUrl(listPath));
  }

  function pageOf(
    path: string,
    show: (context: Context, visitor: FactorVisitor) => Promise<void>,
    forms: Readonly<Record<string, Take>>,
  ): FactorPage {
    const showStrong = strong(path, show);
    return {
      path,
      needsRecentSignIn: true,
      show: (context, visitor) => showStrong(context, visitor, {}),
      forms: {
        ...Object.fromEntries(Object.entries(forms).map(([name, take]) => [name, strong(path, take)])),
        // Whoever has just added the first factor has codes to keep, in a session that was begun without it.
        saved: noteSaved,
      },
    };
  }

  const list = pageOf(listPath, (context, visitor) => sendList(context, visitor), {
    'remove-app': (context, visitor) => remove(context, visitor, { totp: true }, 'totp'),

    async 'add-passkey'(context, visitor, { response = '', name = '' }) {
      const { account } = visitor;
      const proof = await registerUnlessKnown(() =>
        passkeys.register(account.id, ticketOf(visitor), response, name),
      );
      if (proof === 'known' || proof === undefined) {
        const key = proof === 'known' ? 'factors.known-passkey' : 'factors.wrong-passkey';
        await sendList(context, visitor, { status: 422, error: { key } });
        return;
      }
      guard.tell(context, account, 'factor-added', 'passkey');
      await goOnAfterAdding(context, visitor);
    },

    async 'rename-passkey'(context, visitor, { passkey = '', name = '' }) {
      await passkeyRecords.rename(visitor.account.id, passkey, passkeyName(name));
      seeOther(context, visitor.pageUrl(listPath));
    },

    'new-codes': (context, visitor) => sendNewCodes(context, visitor),

    'remove-passkey': (context, visitor, { passkey = '' }) =>
      remove(context, visitor, { passkeyId: passkey }, 'passkey'),
  });

  /** What is wrong with the code, or nothing when the app is the account's. */
  async function confirmApp(visitor: FactorVisitor, code: string, replace: boolean) {
    const outcome = await totpCodes.confirm(visitor.account.id, ticketOf(visitor), code, { replace });
    const key = outcome === 'wrong' ? 'factors.wrong-code' : `factors.enrol-${outcome}`;
    return outcome === 'enrolled' ? undefined : ({ status: 422, error: { key } as Message } as const);
  }

  const app = pageOf(appPath, (context, visitor) => sendApp(context, visitor, 'add-app'), {
    async 'add-app'(context, visitor, { code = '' }) {
      const wrong = await confirmApp(visitor, code, false);
      if (wrong) {
        await sendApp(context, visitor, 'add-app', wrong);
        return;
      }
      guard.tell(context, visitor.account, 'factor-added', 'totp');
      await goOnAfterAdding(context, visitor);
    },
  });

  /** For a new phone: the app on the old one counts until the new one has shown its code. */
  const newApp = pageOf(newAppPath, (context, visitor) => sendApp(context, visitor, 'replace-app'), {
    async 'replace-app'(context, visitor, { code = '' }) {
      const wrong = await confirmApp(visitor, code, true);
      if (wrong) {
        await sendApp(context, visitor, 'replace-app', wrong);
        return;
      }
      guard.tell(context, visitor.account, 'factor-replaced', 'totp');
      seeOther(context, visitor.pageUrl(listPath));
    },
  });

  return [{ ...list, navigation: 'factors.manage-title' }, app, newApp];
}

const listPath = 'factors';
const appPath = 'factors/app';
const newAppPath = 'factors/new-app';
