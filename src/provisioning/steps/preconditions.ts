import { AppError } from '../../kernel/errors.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { Queryable } from '../../platform/postgres.ts';
import { asks, type Hosting, type Infrastructure, offeredFeatures } from '../infrastructure.ts';
import { type Step, type TenantRequest, UnusableResult } from '../step.ts';

/**
 * Looks before anything is made (C2): the order is approved, the deployment has what the request asks for, everything that later steps reach
 * for answers and is fit, and no quota would be exceeded. Makes nothing.
 */
export function preconditions({
  postgres,
  infrastructure,
}: {
  postgres: Queryable;
  infrastructure: Infrastructure;
}): Step {
  return {
    name: 'preconditions',

    /** What held a while ago may not hold now. */
    async check() {
      return undefined;
    },

    async act({ tenant }) {
      const usage = await readUsage(infrastructure, tenant.request);
      const exceeded = usage.filter(({ used, more, limit }) => used + more > limit);
      const problems = [
        ...(await findUnapproved(postgres, tenant.id)),
        ...findNotOffered(infrastructure, tenant.request),
        ...exceeded.map(({ resource }) => `the quota of ${resource} is used up`),
        ...(await findUnfit(infrastructure, tenant.request)),
      ];
      if (problems.length > 0) {
        throw new UnusableResult(`The tenant cannot be set up: ${problems.join('; ')}.`, {
          cause: new Error(exceeded.map(inNumbers).join('; ')),
        });
      }
      return { quotas: usage.map(({ resource }) => resource) };
    },

    async confirm() {},

    async undo() {},
  };
}

async function findUnapproved(db: Queryable, tenantId: TenantId): Promise<string[]> {
  const { rowCount } = await db.query(`select 1 from orders where tenant_id = $1 and status = 'Approved'`, [
    tenantId,
  ]);
  return rowCount > 0 ? [] : ['its order is not approved'];
}

/** Refused at submission already; what a deployment offers may have changed since. */
function findNotOffered(infrastructure: Infrastructure, { features }: TenantRequest): string[] {
  return Object.entries(offeredFeatures(infrastructure)).flatMap(([area, offered]) =>
    [features?.[area] ?? []]
      .flat()
      .flatMap((word) =>
        offered.includes(String(word)) ? [] : [`this deployment does not offer features.${area}: ${word}`],
      ),
  );
}

interface Usage {
  resource: string;
  limit: number;
  used: number;
  more: number;
}

async function readUsage({ quotas }: Infrastructure, request: TenantRequest): Promise<Usage[]> {
  const concerned = quotas.filter(({ needed }) => needed(request) > 0);
  return await Promise.all(
    concerned.map(async ({ resource, limit, needed, used }) => ({
      resource,
      limit,
      used: await used(),
      more: needed(request),
    })),
  );
}

/** For the log alone: how many others there are is no requester's business. */
function inNumbers({ resource, used, more, limit }: Usage): string {
  return `${resource}: ${used} of ${limit} used, ${more} more needed`;
}

async function findUnfit(infrastructure: Infrastructure, request: TenantRequest): Promise<string[]> {
  const { databases, objects, caches, hosting } = infrastructure;
  const problems = await Promise.all([
    asks.database(request) ? databases?.problems() : undefined,
    asks.objects(request) ? objects?.problems() : undefined,
    asks.cache(request) ? caches?.problems() : undefined,
    asks.hosting(request) && hosting ? findUnfitHosting(hosting) : undefined,
  ]);
  return problems.flatMap((each) => each ?? []);
}

async function findUnfitHosting({ services, balancer, dns, domain }: Hosting): Promise<string[]> {
  const problems = await Promise.all([
    inWords(services.templateParts()),
    inWords(balancer.address()),
    dns?.problems(domain) ?? [],
  ]);
  return problems.flat();
}

/** What the port says is unfit; what only cannot be told now is tried again. */
async function inWords(look: Promise<unknown>): Promise<string[]> {
  try {
    await look;
    return [];
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid_request') {
      return [error.message.replace(/\.$/, '')];
    }
    throw error;
  }
}
