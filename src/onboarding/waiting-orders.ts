import type { Queryable } from '../platform/postgres.ts';
import { type Order, orderColumns } from './order.ts';
import type { WaitingItem } from './reminders.ts';

/**
 * Registrations that wait for the OAuth team: taken up and not decided, or marked for attention; the team was told by the intake already. Those
 * that the intake has not reached wait for nobody.
 */
export function createWaitingOrders({
  publicUrl,
  oauthTeamEmail,
}: {
  publicUrl: URL;
  oauthTeamEmail: string;
}): (db: Queryable) => Promise<WaitingItem[]> {
  return async (db) => {
    const { rows } = await db.query<Order>(
      `select ${orderColumns} from orders
        where status = 'In-Process' or (status = 'Submitted' and attention is not null) order by position`,
    );
    return rows.map(({ id, slug, name, createdAt, request }) => ({
      subject: id,
      what: 'decision',
      tenantId: request.tenantId,
      slug,
      name,
      since: createdAt,
      address: `${publicUrl.origin}/api/registrations/${id}/approve`,
      to: oauthTeamEmail,
      ask: false,
    }));
  };
}
