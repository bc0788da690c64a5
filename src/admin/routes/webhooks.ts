import { Type } from 'typebox';
import {
  auditWebhookChanged,
  auditWebhookCreated,
  auditWebhookDisabled,
  auditWebhookEnabled,
  auditWebhookRemoved,
  auditWebhookSecretRotated,
} from '../../audit/events.ts';
import type { Outbound } from '../../cloud/http/outbound.ts';
import { AppError } from '../../kernel/errors.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { Outbox } from '../../outbox/outbox.ts';
import type { Webhook, Webhooks } from '../../outbox/webhooks.ts';
import type { AccessRules, PathParameters } from '../access.ts';
import { json, removedSchema } from '../answer-schema.ts';
import { webhookPageSchema, webhookSchema, webhookWithSecretSchema } from '../answers/webhooks.ts';
import type { Caller } from '../authenticate.ts';
import { assertMatch, showMember } from '../etag.ts';
import { type OpenTenantDependencies, openTenant } from '../open-tenant.ts';
import { defaultPageSize, noQuery, pageFields, querySchema } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';
import { webhookDeliveryRoutes } from './webhook-deliveries.ts';
import { findWebhook, noSuchWebhook, type WebhookPlace } from './webhook-place.ts';

const eventPattern = Type.String({
  pattern: '^(\\*|[a-z][a-z-]*(\\.[a-z][a-z-]*)*(\\.\\*)?)$',
  maxLength: 100,
  description: 'an event name, one with a last part of *, or *',
});

const webhookInputSchema = Type.Object(
  {
    url: Type.String({ minLength: 1, maxLength: 2048 }),
    events: Type.Array(eventPattern, { minItems: 1, maxItems: 50, uniqueItems: true }),
    description: Type.Optional(Type.String({ maxLength: 200 })),
  },
  { additionalProperties: false },
);

/** Long enough for receivers to be changed over within a working day, and over a weekend when asked for. */
const defaultGraceSeconds = 86_400;
const rotationSchema = Type.Object(
  { graceSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 7 * 86_400 })) },
  { additionalProperties: false },
);

/** What an administrator changes of a webhook. */
const webhookDocumentSchema = Type.Object(
  { ...webhookInputSchema.properties, enabled: Type.Boolean() },
  { additionalProperties: false },
);

/** Each is a message to write and to deliver with every event. */
const maxPerTenant = 20;

export interface WebhookRoutesDependencies extends OpenTenantDependencies {
  /** The operators' own. */
  webhooks: Webhooks;
  /** Those of a tenant. */
  webhooksOf: (owner: TenantId) => Webhooks;
  outbound: Pick<Outbound, 'problemOf'>;
  /** For addresses that tenants give. */
  tenantOutbound: Pick<Outbound, 'problemOf' | 'request'>;
  outbox: Pick<Outbox, 'wake'>;
}

/** Webhooks (B13): whom to tell of events, and what became of each message. Operators have theirs, and each tenant its own. */
export function webhookRoutes(
  kinds: RouteKinds,
  access: AccessRules,
  dependencies: WebhookRoutesDependencies,
): Route[] {
  const { webhooks, webhooksOf, outbound, tenantOutbound } = dependencies;
  return [
    ...routesAt(kinds, dependencies, {
      prefix: '/api/webhooks',
      whose: '',
      operation: (name) => name,
      mayRead: access.platform('admin'),
      mayWrite: access.platform('admin'),
      outbound,
      open: async () => ({ webhooks, owner: {} }),
    }),
    ...routesAt(kinds, dependencies, {
      prefix: '/api/tenants/{slug}/webhooks',
      whose: ' of a tenant',
      operation: (name) =>
        name.replace(/^([a-z]+)(.*)$/, (_, verb, noun) => `${verb}Tenant${noun || 'Delivery'}`),
      mayRead: access.tenant('webhooks:read'),
      mayWrite: access.tenant('webhooks:write'),
      outbound: tenantOutbound,
      async open({ slug }) {
        const { record } = await openTenant(dependencies, slug);
        return { webhooks: webhooksOf(record.id), owner: { tenantId: record.id }, max: maxPerTenant };
      },
    }),
  ];
}

function routesAt<Admitted extends Caller>(
  { read, write, change }: RouteKinds,
  { outbox, clock }: Pick<WebhookRoutesDependencies, 'outbox' | 'clock'>,
  place: WebhookPlace<Admitted>,
): Route[] {
  const { prefix, whose, operation, mayRead, mayWrite, outbound, open } = place;
  const memberPath = `${prefix}/{webhookId}`;
  const problems = ({ url }: { url?: string }) => {
    const problem = url === undefined ? undefined : outbound.problemOf(url);
    return problem === undefined ? [] : [{ field: 'url', message: problem }];
  };

  const find = (caller: Admitted, params: PathParameters) => findWebhook(place, caller, params);

  const switchTo = (enabled: boolean): Route => {
    const verb = enabled ? 'enable' : 'disable';
    const audit = enabled ? auditWebhookEnabled : auditWebhookDisabled;
    return write({
      path: `${memberPath}/${verb}`,
      operation: operation(`${verb}Webhook`),
      summary: `${enabled ? 'Enable' : 'Disable'} a webhook${whose}`,
      answers: { 200: json(webhookSchema, 'ETag') },
      access: mayWrite,
      body: noQuery,
      async handle({ params, caller, transaction }) {
        const { webhooks, owner, webhook } = await find(caller, params);
        if (await webhooks.setEnabled(transaction, webhook.id, enabled)) {
          await audit(transaction, clock, { webhookId: webhook.id, actor: caller.actor, ...owner });
        }
        return showMember(view({ ...webhook, enabled }));
      },
    });
  };

  return [
    write({
      path: prefix,
      operation: operation('createWebhook'),
      summary: `Create a webhook${whose}`,
      answers: { 201: json(webhookWithSecretSchema, 'ETag') },
      access: mayWrite,
      body: webhookInputSchema,
      problems,
      async handle({ body, caller, transaction }) {
        const { webhooks, owner, max } = await open(caller);
        const { webhook, secret } = await webhooks.create(transaction, body, caller.actor, max);
        await auditWebhookCreated(transaction, clock, {
          webhookId: webhook.id,
          actor: caller.actor,
          // The rest of the address may hold a secret.
          host: new URL(webhook.url).host,
          events: webhook.events,
          ...owner,
        });
        return showMember(view(webhook), { status: 201, once: { secret } });
      },
    }),
    read({
      path: prefix,
      operation: operation('listWebhooks'),
      summary: `List webhooks${whose}`,
      answers: { 200: json(webhookPageSchema) },
      access: mayRead,
      query: querySchema(pageFields),
      async handle({ caller, query: { limit = defaultPageSize, cursor } }) {
        const { webhooks } = await open(caller);
        if (cursor !== undefined && (await webhooks.get(cursor)) === undefined) {
          throw new AppError('invalid_request', 'The cursor is not valid.');
        }
        const page = await webhooks.page({
          limit: limit + 1,
          ...(cursor === undefined ? {} : { after: cursor }),
        });
        const shown = page.slice(0, limit);
        const last = shown.at(-1);
        return {
          status: 200,
          body: {
            webhooks: shown.map(view),
            ...(page.length > limit && last !== undefined ? { cursor: last.id } : {}),
          },
        };
      },
    }),
    read({
      path: memberPath,
      operation: operation('getWebhook'),
      summary: `Read a webhook${whose}`,
      answers: { 200: json(webhookSchema, 'ETag') },
      access: mayRead,
      query: noQuery,
      handle: async ({ caller, params }) => showMember(view((await find(caller, params)).webhook)),
    }),
    change({
      path: memberPath,
      operation: operation('changeWebhook'),
      summary: `Change a webhook${whose}`,
      answers: { 200: json(webhookSchema, 'ETag') },
      access: mayWrite,
      document: webhookDocumentSchema,
      problems,
      async handle({ caller, params, transaction, ifMatch, merge }) {
        const { webhooks, owner } = await open(caller);
        const webhook = await webhooks.change(transaction, params.webhookId ?? '', (present) => {
          assertMatch(ifMatch, view(present));
          const { url, events, description, enabled } = present;
          const next = merge({ url, events, description, enabled });
          return { ...next, description: next.description ?? '' };
        });
        if (webhook === undefined) {
          throw noSuchWebhook();
        }
        await auditWebhookChanged(transaction, clock, {
          webhookId: webhook.id,
          actor: caller.actor,
          host: new URL(webhook.url).host,
          events: webhook.events,
          ...owner,
        });
        return showMember(view(webhook));
      },
    }),
    write({
      method: 'DELETE',
      path: memberPath,
      operation: operation('removeWebhook'),
      summary: `Remove a webhook${whose} and its messages`,
      answers: { 200: json(removedSchema) },
      access: mayWrite,
      body: noQuery,
      async handle({ params, caller, transaction, ifMatch }) {
        const { webhooks, owner } = await open(caller);
        const { webhookId: id = '' } = params;
        if (!(await webhooks.remove(transaction, id, (webhook) => assertMatch(ifMatch, view(webhook))))) {
          throw noSuchWebhook();
        }
        await auditWebhookRemoved(transaction, clock, { webhookId: id, actor: caller.actor, ...owner });
        return { status: 200, body: { id, removed: true } };
      },
    }),
    switchTo(true),
    switchTo(false),
    write({
      path: `${memberPath}/rotate-secret`,
      operation: operation('rotateWebhookSecret'),
      summary: `Give a webhook${whose} a new secret`,
      answers: { 200: json(webhookWithSecretSchema, 'ETag') },
      access: mayWrite,
      body: rotationSchema,
      async handle({ params, body: { graceSeconds = defaultGraceSeconds }, caller, transaction }) {
        const { webhooks, owner } = await open(caller);
        const rotated = await webhooks.rotateSecret(transaction, params.webhookId ?? '', { graceSeconds });
        if (rotated === undefined) {
          throw noSuchWebhook();
        }
        const shown = view(rotated.webhook);
        await auditWebhookSecretRotated(transaction, clock, {
          webhookId: shown.id,
          actor: caller.actor,
          ...(shown.formerSecretUntil === undefined ? {} : { formerUntil: shown.formerSecretUntil }),
          ...owner,
        });
        return showMember(shown, { once: { secret: rotated.secret } });
      },
    }),
    ...webhookDeliveryRoutes({ read, write }, place, outbox),
  ];
}

function view({ createdAt, formerSecretUntil, tenantId: _, ...webhook }: Webhook) {
  return {
    ...webhook,
    createdAt: createdAt.toISOString(),
    ...(formerSecretUntil === null ? {} : { formerSecretUntil: formerSecretUntil.toISOString() }),
  };
}
