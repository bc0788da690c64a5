import type { AccountLinks } from '../../../identity/account-links.ts';
import type { Account } from '../../../identity/accounts.ts';
import type { AttemptLimits } from '../../../identity/attempt-limits.ts';
import { identityFingerprint } from '../../../identity/federated-identities.ts';
import type { MailDispatch } from '../../../identity/mail-dispatch.ts';
import type { TenantMailer } from '../../../identity/tenant-mailer.ts';
import { referenceTo } from '../../storage/artifact.ts';
import type { OpenInteraction } from '../interaction-pages.ts';
import type { LinkRequest } from './link-requests.ts';

/** As long as the request waits. */
export const linkMailMinutes = 10;

type Asked = LinkRequest & { account: Account };

export interface LinkMail {
  /** `AppError('rate_limited')` when the account has had too many. */
  send(open: OpenInteraction, asked: Asked, clientIp: string): Promise<void>;
  /** Whether the token is that of the mail about this very request. */
  isOf(open: OpenInteraction, asked: Asked, token: string): Promise<boolean>;
  /** The same, once. */
  redeem(open: OpenInteraction, asked: Asked, token: string): Promise<boolean>;
}

/**
 * The proof that somebody owns an account, by a link to its verified address. It counts in the browser that asked for it alone: whoever is sent a link
 * that somebody else asked for, and follows it, lets nobody in.
 */
export function createLinkMail({
  accountLinks,
  limits,
  mailer,
  dispatch,
  origin,
}: {
  accountLinks: AccountLinks;
  limits: Pick<AttemptLimits, 'count'>;
  mailer: Pick<TenantMailer, 'send'>;
  dispatch: Pick<MailDispatch, 'run'>;
  /** Of the public URL. */
  origin: string;
}): LinkMail {
  const purpose = 'link-proof';
  const dataOf = ({ interaction }: OpenInteraction, { link }: LinkRequest) => ({
    interaction: referenceTo(interaction.uid),
    identity: identityFingerprint(link.identity),
  });

  async function write(open: OpenInteraction, asked: Asked): Promise<void> {
    const { account, sourceName } = asked;
    const ttlSeconds = linkMailMinutes * 60;
    const token = await accountLinks.issue(account, { purpose, data: dataOf(open, asked), ttlSeconds });
    await mailer.send({
      to: account.email,
      template: 'account-link',
      locale: open.look.texts.locale,
      variables: {
        name: account.name,
        email: account.email,
        source: sourceName,
        link: `${origin}${open.pageUrl(purpose)}?token=${token}`,
        minutes: String(linkMailMinutes),
      },
      usefulSeconds: ttlSeconds,
    });
  }

  async function isOf(open: OpenInteraction, asked: Asked, token: string): Promise<boolean> {
    const found = await accountLinks.find(token, purpose);
    const { interaction, identity } = dataOf(open, asked);
    return (
      found?.account.id === asked.account.id &&
      found.link.data.interaction === interaction &&
      found.link.data.identity === identity
    );
  }

  return {
    async send(open, asked, clientIp) {
      const { id: subject, applicationTenantId: realm } = asked.account;
      await limits.count({ purpose: 'verification-mail', realm, subject, clientIp });
      dispatch.run(() => write(open, asked));
    },
    isOf,
    redeem: async (open, asked, token) =>
      (await isOf(open, asked, token)) && (await accountLinks.consume(token, purpose)) !== undefined,
  };
}
