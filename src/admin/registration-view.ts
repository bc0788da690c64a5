import type { OrderId } from '../kernel/ids.ts';
import type { Order, OrderStatus } from '../onboarding/order.ts';
import type { OrderEvent } from '../onboarding/read-orders.ts';
import type { Progress } from '../provisioning/progress.ts';

/** An order as whoever knows its id sees it (A4, A5, D9). Never a secret. */
export interface RegistrationView {
  orderId: OrderId;
  status: OrderStatus;
  slug: string;
  name: string;
  submittedAt: string;
  updatedAt: string;
  history: OrderEvent[];
  /** Once approved. */
  provisioning?: Omit<Progress, 'firstClientId' | 'url' | 'status'>;
  /** Once the tenant is active. */
  issuer?: string;
  firstClientId?: string;
  /** Where the tenant's own services answer, if it has any. */
  url?: string;
}

export function viewRegistration(
  order: Order,
  { history, progress, publicUrl }: { history: OrderEvent[]; progress: Progress | undefined; publicUrl: URL },
): RegistrationView {
  const { firstClientId, url, status, ...provisioning } = progress ?? {};
  return {
    orderId: order.id,
    status: order.status,
    slug: order.slug,
    name: order.name,
    submittedAt: order.createdAt.toISOString(),
    updatedAt: order.updatedAt.toISOString(),
    history,
    ...(progress === undefined
      ? {}
      : { provisioning: provisioning as Omit<Progress, 'firstClientId' | 'url' | 'status'> }),
    ...(status === 'active'
      ? {
          issuer: `${publicUrl.origin}/${order.slug}`,
          ...(firstClientId === undefined ? {} : { firstClientId }),
          ...(url === undefined ? {} : { url }),
        }
      : {}),
  };
}

/** A line of the OAuth team's list: what is needed to decide. */
export function viewOrderForTeam(order: Order) {
  const { tenant, purpose } = order.request;
  return {
    orderId: order.id,
    status: order.status,
    source: order.source,
    slug: order.slug,
    name: order.name,
    requester: order.requester,
    ...(order.submittedBy === null
      ? {}
      : { submittedBy: order.submittedBy.email ?? order.submittedBy.actor }),
    ...(purpose === undefined ? {} : { purpose }),
    features: tenant.features,
    securityPolicy: tenant.securityPolicy,
    redirectUris: tenant.redirectUris,
    clientType: tenant.clientType,
    attention: order.attention,
    tenantId: order.tenantId,
    submittedAt: order.createdAt.toISOString(),
    updatedAt: order.updatedAt.toISOString(),
  };
}
