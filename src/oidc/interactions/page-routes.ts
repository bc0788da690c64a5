import type { Context } from 'koa';
import type { PageHandler } from '../tenant-pages.ts';

const interactionPath = /^\/interaction\/([A-Za-z0-9_-]{1,64})(?:\/([a-z-]{1,20}))?$/;
const callbackPath = /^\/federation\/(src_[A-Za-z0-9_-]{22})\/callback$/;
const invitationPath = /^\/invitation\/([A-Za-z0-9_-]{1,64})$/;

/** Which of a tenant's pages a path is; what is none of these is for the `others`, in their order. */
export function createPageRoutes({
  answerInteraction,
  answerCallback,
  showInvitation,
  others,
}: {
  answerInteraction: (context: Context, uid: string, name: string | undefined) => Promise<void>;
  answerCallback: (context: Context, sourceId: string) => Promise<void>;
  showInvitation: (context: Context, token: string) => Promise<void>;
  others: readonly ((context: Context, path: string) => Promise<boolean> | boolean)[];
}): PageHandler {
  return async (context, path) => {
    const interaction = interactionPath.exec(path);
    if (interaction) {
      await answerInteraction(context, interaction[1] ?? '', interaction[2]);
      return true;
    }
    const callback = callbackPath.exec(path);
    if (callback) {
      await answerCallback(context, callback[1] ?? '');
      return true;
    }
    const invitation = invitationPath.exec(path);
    if (invitation) {
      await showInvitation(context, invitation[1] ?? '');
      return true;
    }
    for (const answer of others) {
      if (await answer(context, path)) {
        return true;
      }
    }
    return false;
  };
}
