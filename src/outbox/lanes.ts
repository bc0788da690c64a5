import type { TenantId } from '../kernel/ids.ts';

/** Whose message it is and for which webhook, if it is for one. */
interface Place {
  tenantId: TenantId | null;
  webhookId: string | null;
}

export interface Lanes {
  /** Whether another message may be begun at all. */
  hasRoom(): boolean;
  /** Webhooks that have a message under way: they get one at a time. */
  busyWebhooks(): string[];
  /** Owners who have as many under way as they may; operators are `''`. With `fair`, all who have anything under way. */
  busyOwners(options: { fair: boolean }): string[];
  /** Answers what is to be called when the attempt has ended. */
  begin(place: Place): () => void;
}

/** What is under way in one channel, and how much of the room each owner has taken. */
export function createLanes({ atOnce, perOwner }: { atOnce: number; perOwner: number }): Lanes {
  const owners = new Map<string, number>();
  const webhooks = new Map<string, number>();
  let total = 0;

  return {
    hasRoom: () => total < atOnce,
    busyWebhooks: () => [...webhooks.keys()],
    busyOwners: ({ fair }) =>
      [...owners].filter(([, count]) => fair || count >= perOwner).map(([owner]) => owner),
    begin({ tenantId, webhookId }) {
      const owner = tenantId ?? '';
      total += 1;
      add(owners, owner, 1);
      if (webhookId !== null) add(webhooks, webhookId, 1);
      return () => {
        total -= 1;
        add(owners, owner, -1);
        if (webhookId !== null) add(webhooks, webhookId, -1);
      };
    },
  };
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) {
    counts.delete(key);
  } else {
    counts.set(key, count);
  }
}
