import type { Context } from 'koa';
import type { AccountLink } from '../../identity/account-links.ts';
import type { AccountChange } from '../../identity/accounts.ts';
import type { LinkPurpose } from '../../identity/links.ts';
import { AppError } from '../../kernel/errors.ts';
import { readFormBody } from '../../web/body.ts';
import { csrfToken, isCsrfToken } from '../../web/csrf.ts';
import { assertMethod } from '../interactions/interaction-pages.ts';
import { sendPage } from '../interactions/page-response.ts';
import { sendLinkInvalid } from '../self-service/link-pages.ts';
import type { PageHandler } from '../tenant-pages.ts';
import type { AccountParts } from './account-parts.ts';

/** What somebody agrees to who follows a mailed link about an address. */
interface Confirmation {
  purpose: LinkPurpose;
  words: 'email-confirm' | 'address-confirm';
  /** The address that the link was mailed to. */
  emailOf(found: AccountLink): string;
  changeOf(found: AccountLink): AccountChange;
  afterwards?(context: Context, found: AccountLink): void;
}

const linkPath = /^\/(confirm-email|verify-address)\/([A-Za-z0-9_-]{43})$/;

/**
 * `/confirm-email/<token>`: whoever holds the mail makes the address that of the account; the former address is told. `/verify-address/<token>`: whoever
 * holds the mail proves the address that the account has. They need no session: a mail is often read elsewhere.
 */
export function createConfirmationPages(parts: AccountParts): PageHandler {
  const { record, people, accountLinks, alerts, activity, readClientIp, render, lookFor } = parts;

  const confirmations: Readonly<Record<string, Confirmation>> = {
    'confirm-email': {
      purpose: 'email-change',
      words: 'email-confirm',
      emailOf: ({ link }) => link.data.to ?? '',
      changeOf: ({ link }) => ({ email: link.data.to ?? '', emailVerified: true }),
      afterwards(context, { account }) {
        alerts.raise({
          kind: 'email-changed',
          account,
          to: account.email,
          clientIp: readClientIp(context.req),
          userAgent: context.get('User-Agent'),
        });
      },
    },
    'verify-address': {
      purpose: 'address-verification',
      words: 'address-confirm',
      emailOf: ({ account }) => account.email,
      changeOf: () => ({ emailVerified: true }),
      afterwards(context, { account }) {
        activity.note({ kind: 'email-proved', account }, context);
      },
    },
  };

  async function accept(
    context: Context,
    { name, token, confirmation }: { name: string; token: string; confirmation: Confirmation },
  ): Promise<void> {
    const { purpose, words } = confirmation;
    const form = await readFormBody(context);
    const found = await accountLinks.find(token, purpose);
    const isOurs = isCsrfToken(token, name, form.csrf);
    if (!found || !isOurs || !(await accountLinks.consume(token, purpose))) {
      sendLinkInvalid(context, parts);
      return;
    }
    const { account } = found;
    try {
      // As it was seen: a change that came between is not overwritten, and its address not proved.
      await people.accounts.update(account.id, confirmation.changeOf(found), account.version);
    } catch (error) {
      if (error instanceof AppError && ['conflict', 'precondition_failed'].includes(error.code)) {
        sendLinkInvalid(context, parts);
        return;
      }
      throw error;
    }
    confirmation.afterwards?.(context, found);
    const look = lookFor(context);
    const { t } = look.texts;
    const text = t(`account.${words}ed`, { email: confirmation.emailOf(found) });
    const page = { title: t(`account.${words}ed-title`), text };
    sendPage(context, render('message', page, look));
  }

  return async (context, path) => {
    const [, name = '', token = ''] = linkPath.exec(path) ?? [];
    const confirmation = confirmations[name];
    if (confirmation === undefined) {
      return false;
    }
    assertMethod(context, ['GET', 'HEAD', 'POST']);
    if (context.method === 'POST') {
      await accept(context, { name, token, confirmation });
      return true;
    }
    const found = await accountLinks.find(token, confirmation.purpose);
    if (!found) {
      sendLinkInvalid(context, parts);
      return true;
    }
    const look = lookFor(context);
    const { t } = look.texts;
    const { words } = confirmation;
    const page = {
      title: t(`account.${words}-title`),
      lead: t(`account.${words}-lead`, { email: confirmation.emailOf(found) }),
      action: `/${record.slug}/${name}/${token}`,
      csrf: csrfToken(token, name),
      submit: t(`account.${words}-submit`),
    };
    sendPage(context, render('confirm', page, look));
    return true;
  };
}
