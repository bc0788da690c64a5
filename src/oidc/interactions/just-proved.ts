import { createHash } from 'node:crypto';
import type { Context } from 'koa';
import { ConditionFailed, type ItemKey, type Table } from '../../cloud/tables/port.ts';
import type { Account } from '../../identity/accounts.ts';
import type { ApplicationRules } from '../../identity/application-rules.ts';
import type { People } from '../../identity/people.ts';
import { type Clock, epochSeconds } from '../../kernel/clock.ts';
import { type Random, randomId } from '../../kernel/random.ts';
import { accountClientId } from '../account/account-sign-in.ts';
import { referenceTo } from '../storage/artifact.ts';
import type { ApplicationTenantChoice } from './application-tenant-choice.ts';
import type { OpenInteraction } from './interaction-pages.ts';
import type { PasswordAttempts } from './password-attempts.ts';
import type { SignInFlow } from './sign-in-flow.ts';

export interface JustProved {
  /**
   * The person has just set the account's password on this browser: in the interaction of this uid, or without one in the account area, it need not be
   * given once more.
   */
  note(context: Context, accountId: string, interactionUid: string | undefined): Promise<void>;
  /** Once: whoever has proved to be somebody on this very browser, for this very interaction. `provedAt`: epoch seconds. */
  take(context: Context, open: OpenInteraction): Promise<{ account: Account; provedAt: number } | undefined>;
}

const cookieName = 'proved';
const cookiePattern = /(?:^|;\s*)proved=([A-Za-z0-9_-]{43})(?=;|$)/;
const lifeSeconds = 10 * 60;

/**
 * From a link in a mail back into the sign-in that it was asked for in. The proof is bound to the browser that followed the link, by a cookie; to the
 * interaction, whose own cookie that browser must hold as well; and to the account as it stands. So a link that is opened elsewhere lets nobody in here,
 * and an interaction that somebody else has begun is gone on with by nobody.
 */
export function createJustProved({
  table,
  clock,
  random,
  findActive,
  path,
  secure,
}: {
  table: Table;
  clock: Clock;
  random: Random;
  findActive: People['findActive'];
  /** `/<slug>`. */
  path: string;
  /** Whether the public URL is https. */
  secure: boolean;
}): JustProved {
  function setCookie(context: Pick<Context, 'append'>, value: string, seconds: number): void {
    const attributes = `Path=${path}; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
    context.append('Set-Cookie', `${cookieName}=${value}; ${attributes}`);
  }

  /** What an interaction is to the proof. */
  function placeOf({ interaction }: OpenInteraction): readonly string[] {
    const { uid, params } = interaction;
    return [referenceTo(uid), ...(params.client_id === accountClientId ? [accountArea] : [])];
  }

  async function isFirst(key: ItemKey): Promise<boolean> {
    try {
      await table.delete(key, [{ exists: true }]);
      return true;
    } catch (error) {
      if (error instanceof ConditionFailed) return false;
      throw error;
    }
  }

  return {
    async note(context, accountId, interactionUid) {
      const account = await findActive(accountId);
      if (!account) {
        return;
      }
      const ticket = randomId(random, 32);
      const provedAt = epochSeconds(clock);
      await table.put({
        ...keyOf(ticket),
        accountId,
        standing: account.standing,
        place: interactionUid === undefined ? accountArea : referenceTo(interactionUid),
        provedAt,
        expiresAt: provedAt + lifeSeconds,
      });
      setCookie(context, ticket, lifeSeconds);
    },

    async take(context, open) {
      const ticket = cookiePattern.exec(context.get('cookie'))?.[1];
      const item = ticket === undefined ? undefined : await table.get(keyOf(ticket));
      if (
        !ticket ||
        !item ||
        (item.expiresAt ?? 0) <= epochSeconds(clock) ||
        !placeOf(open).includes(String(item.place))
      ) {
        return undefined;
      }
      setCookie(context, '', 0);
      const account = await findActive(String(item.accountId));
      return (await isFirst(keyOf(ticket))) && account?.standing === item.standing && account
        ? { account, provedAt: Number(item.provedAt) }
        : undefined;
    },
  };
}

/** Goes on with the sign-in as whoever has just proved to be somebody. True when the browser was sent on. */
export function createGoOnAsProved({
  justProved,
  flow,
  applicationTenantChoice,
  attempts,
  admitsOwnCredentials,
}: {
  justProved: Pick<JustProved, 'take'>;
  flow: Pick<SignInFlow, 'begin'>;
  applicationTenantChoice: Pick<ApplicationTenantChoice, 'admits'>;
  attempts: Pick<PasswordAttempts, 'isFromAllowedNetwork'>;
  admitsOwnCredentials: ApplicationRules['admitsOwnCredentials'];
}): (context: Context, open: OpenInteraction) => Promise<boolean> {
  return async (context, open) => {
    const proved = await justProved.take(context, open);
    if (!proved) {
      return false;
    }
    const { account, provedAt } = proved;
    const { applicationTenantId } = account;
    if (
      !applicationTenantChoice.admits(open, applicationTenantId) ||
      !(await admitsOwnCredentials(applicationTenantId)) ||
      !(await attempts.isFromAllowedNetwork(context, applicationTenantId))
    ) {
      return false;
    }
    await flow.begin(context, open, account, ['pwd'], { signedInAt: provedAt });
    return true;
  };
}

/** Of whoever came from no application. No reference to an interaction looks like it. */
const accountArea = 'account';

function keyOf(ticket: string): ItemKey {
  return { pk: `JustProved#${createHash('sha256').update(ticket).digest('base64url')}`, sk: 'proof' };
}
