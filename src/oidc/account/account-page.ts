import type { Context } from 'koa';
import type { Account } from '../../identity/accounts.ts';
import type { MessageKey } from '../../web/i18n/texts.ts';
import type { PageLook } from '../../web/page-look.ts';
import type { AccountNavigation } from '../../web/views.ts';
import type { Form } from '../interactions/interaction-pages.ts';

/** Who is there, as a page of the account area sees them. */
export interface SignedIn {
  account: Account;
  session: AccountSession;
  look: PageLook;
  /** For the view: every view of the area takes it. */
  nav: AccountNavigation;
  /** What was just done, in words: `goBack` leads here with it. */
  notice?: string;
  /** Of a page of the area, by its path. */
  pageUrl(path: string): string;
  /** Of a page that is guarded, with its token. */
  guardedUrl(path: string, query: Readonly<Record<string, string>>): string;
  /** Of a form of this page. */
  actionUrl(form: string): string;
  /** The token that the form must carry; the frame has checked it before a form is taken. */
  csrf(form: string): string;
}

export interface AccountSession {
  uid: string;
  /** Epoch seconds of the latest proof. */
  signedInAt: number;
  /** RFC 8176. */
  methods: readonly string[];
  /** What applications were allowed in this session. */
  grantIds: readonly string[];
}

/** A page of the account area. */
export interface AccountPage {
  /** Below `/account`: `''`, `sessions`, `factors/passkeys`; parts are `[a-z-]{1,30}`. */
  path: string;
  /** Its name in the navigation; absent from it without. */
  navigation?: MessageKey;
  /** The page to come back to after a sign-in that this one asks for; absent: itself. */
  parent?: string;
  /** Whether showing it does something, so that its address has to carry a token, as forms do (`guardedUrl`). */
  isGuarded?: boolean;
  /** Whether page and forms ask for a proof of who is there that is no older than `recentSeconds`. */
  needsRecentSignIn?: boolean;
  show(context: Context, signedIn: SignedIn): Promise<void>;
  /** By name, `[a-z-]{1,30}`; sent to `actionUrl(name)`. */
  forms?: Readonly<Record<string, (context: Context, signedIn: SignedIn, form: Form) => Promise<void>>>;
}

/** The answer to a form that worked: the page again, by a GET, with the words of `account.done-<done>`. */
export function goBack(context: Context, { pageUrl }: SignedIn, path: string, done: string): void {
  context.status = 303;
  context.redirect(`${pageUrl(path)}?done=${done}`);
}
