import { Type } from 'typebox';
import type { PolicyFloor } from '../../identity/policy-floor.ts';
import type { Actor } from '../../kernel/actor.ts';
import { AppError } from '../../kernel/errors.ts';
import type { OrderId } from '../../kernel/ids.ts';
import { parseSlug } from '../../kernel/slug.ts';
import { orderStatuses, parseOrderId } from '../../onboarding/order.ts';
import { listOrders, readOrder, readOrderHistory } from '../../onboarding/read-orders.ts';
import {
  type OfferedFeatures,
  registrationSchema,
  remarkSchema,
  tenantFieldProblems,
  toPerson,
  toTenantRequest,
} from '../../onboarding/registration-input.ts';
import type { Registrations } from '../../onboarding/registrations.ts';
import type { Postgres, Queryable } from '../../platform/postgres.ts';
import type { Queue } from '../../platform/queue.ts';
import { readProgress } from '../../provisioning/progress.ts';
import type { AccessRules, PathParameters } from '../access.ts';
import { json } from '../answer-schema.ts';
import { registrationPageSchema, registrationViewSchema, submittedSchema } from '../answers/registrations.ts';
import type { Caller } from '../authenticate.ts';
import { defaultPageSize, noQuery, pageFields, querySchema } from '../queries.ts';
import { viewOrderForTeam, viewRegistration } from '../registration-view.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface RegistrationRoutesDependencies {
  postgres: Postgres;
  queue: Pick<Queue, 'wake'>;
  registrations: Registrations;
  policyFloor: PolicyFloor;
  offers: OfferedFeatures;
  publicUrl: URL;
}

const approvalSchema = querySchema({ comment: Type.Optional(remarkSchema) });
const disapprovalSchema = querySchema({ reason: remarkSchema });
const listSchema = querySchema({ ...pageFields, status: Type.Optional(Type.Enum([...orderStatuses])) });

/** Registrations (A1–A5): submitted and followed by anybody, decided by the OAuth team. */
export function registrationRoutes(
  { read, write }: RouteKinds,
  access: AccessRules,
  { postgres, queue, registrations, policyFloor, offers, publicUrl }: RegistrationRoutesDependencies,
): Route[] {
  const statusUrlOf = (orderId: string) => `${publicUrl.origin}/api/registrations/${orderId}`;

  async function show(db: Queryable, orderId: OrderId) {
    const order = await readOrder(db, orderId);
    if (order === undefined) {
      throw noSuchRegistration();
    }
    const history = await readOrderHistory(db, order.id);
    const progress = order.tenantId === null ? undefined : await readProgress(db, order.tenantId);
    return viewRegistration(order, { history, progress, publicUrl });
  }

  return [
    write({
      path: '/api/registrations',
      operation: 'submitRegistration',
      summary: 'Request a tenant',
      answers: { 202: json(submittedSchema, 'Location') },
      access: access.anyoneLimited,
      body: registrationSchema,
      problems: (body) => tenantFieldProblems(body, { policyFloor, offers }),
      async handle({ body, caller: { caller }, transaction }) {
        const slug = body.slug === undefined ? undefined : parseSlug(body.slug);
        const order = await registrations.submit(transaction, {
          requester: toPerson(body.requester),
          tenant: toTenantRequest(body),
          ...(slug === undefined ? {} : { slug }),
          ...(body.purpose === undefined ? {} : { purpose: body.purpose }),
          ...(caller === undefined ? {} : { submitter: submitterOf(caller) }),
        });
        const statusUrl = statusUrlOf(order.id);
        return {
          status: 202,
          headers: { Location: statusUrl },
          body: { orderId: order.id, status: 'Submitted', statusUrl, slug: order.slug },
          afterCommit: () => queue.wake('registration-intake'),
        };
      },
    }),
    read({
      path: '/api/registrations',
      operation: 'listRegistrations',
      summary: 'List registrations',
      answers: { 200: json(registrationPageSchema) },
      access: access.platform('registrations:read'),
      query: listSchema,
      async handle({ query }) {
        const { orders, cursor } = await listOrders(postgres, {
          ...query,
          limit: query.limit ?? defaultPageSize,
        });
        return {
          status: 200,
          body: { registrations: orders.map(viewOrderForTeam), ...(cursor === undefined ? {} : { cursor }) },
        };
      },
    }),
    read({
      path: '/api/registrations/{orderId}',
      operation: 'getRegistration',
      summary: 'Follow a registration',
      answers: { 200: json(registrationViewSchema) },
      access: access.anyone,
      query: noQuery,
      handle: async ({ params }) => ({ status: 200, body: await show(postgres, orderIdOf(params)) }),
    }),
    write({
      path: '/api/registrations/{orderId}/approve',
      operation: 'approveRegistration',
      summary: 'Approve a registration',
      answers: { 200: json(registrationViewSchema) },
      access: access.platform('registrations:decide'),
      body: approvalSchema,
      async handle({ params, body, caller, transaction }) {
        const orderId = orderIdOf(params);
        const comment = body.comment === undefined ? {} : { comment: body.comment };
        await registrations.approve(transaction, { orderId, actor: caller.actor, ...comment });
        return {
          status: 200,
          body: await show(transaction, orderId),
          afterCommit: () => queue.wake('tenant-provisioning'),
        };
      },
    }),
    write({
      path: '/api/registrations/{orderId}/disapprove',
      operation: 'disapproveRegistration',
      summary: 'Disapprove a registration',
      answers: { 200: json(registrationViewSchema) },
      access: access.platform('registrations:decide'),
      body: disapprovalSchema,
      async handle({ params, body, caller, transaction }) {
        const orderId = orderIdOf(params);
        await registrations.disapprove(transaction, { orderId, actor: caller.actor, reason: body.reason });
        return { status: 200, body: await show(transaction, orderId) };
      },
    }),
  ];
}

/** Ids of clients are unique in their tenant alone: one of another tenant's must not be taken for one of the platform's. */
function submitterOf({ issuer, actor }: Caller): Actor {
  return issuer.kind === 'platform' ? actor : { ...actor, id: `${issuer.slug}/${actor.id}` };
}

function orderIdOf({ orderId }: PathParameters): OrderId {
  const id = parseOrderId(orderId);
  if (id === undefined) {
    throw noSuchRegistration();
  }
  return id;
}

function noSuchRegistration(): AppError {
  return new AppError('not_found', 'There is no such registration.');
}
