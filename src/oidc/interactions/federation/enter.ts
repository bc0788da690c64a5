import type { Context } from 'koa';
import type { ActivityLog } from '../../../identity/activity-log.ts';
import type { Arrival, FederatedOutcome, FederatedSignIn } from '../../../identity/federated-sign-in.ts';

/** `FederatedSignIn.enter`, of a request; an account that it makes is a sign-up. */
export type Enter = (context: Context, arrival: Arrival) => Promise<FederatedOutcome>;

export function createEnter({
  federated,
  activity,
}: {
  federated: Pick<FederatedSignIn, 'enter'>;
  activity: Pick<ActivityLog, 'note'>;
}): Enter {
  return async (context, arrival) => {
    const outcome = await federated.enter(arrival);
    if (outcome.kind === 'account' && outcome.isNew) {
      const { account } = outcome;
      activity.note({ kind: 'signed-up', account, factor: arrival.source.name }, context);
    }
    return outcome;
  };
}
