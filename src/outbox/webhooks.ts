import type { TenantKeys } from '../cloud/keys/port.ts';
import { type Actor, actorName } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { TenantId } from '../kernel/ids.ts';
import { type Random, randomId } from '../kernel/random.ts';
import type { Queryable } from '../platform/postgres.ts';
import { formatWebhookSecret } from './webhook-signature.ts';

/** An address that is told of audit events: of operators of all, of a tenant of its own. */
export interface Webhook {
  id: string;
  /** Null for the operators' own. */
  tenantId: TenantId | null;
  url: string;
  /** Event names; `tenant.*` stands for all that begin with `tenant.`, `*` for all. */
  events: string[];
  description: string;
  enabled: boolean;
  createdBy: string;
  createdAt: Date;
  /** Until then the former secret signs as well. Null when only one does. */
  formerSecretUntil: Date | null;
}

export interface WebhookInput {
  url: string;
  events: readonly string[];
  description?: string;
}

export interface WebhookDelivery {
  id: string;
  /** The event's name. */
  event: string;
  state: 'waiting' | 'delivered' | 'dead';
  createdAt: Date;
  /** Null unless it waits. */
  nextAttemptAt: Date | null;
  attempts: { at: string; milliseconds: number; status: number | null; error: string | null }[];
}

export interface Webhooks {
  /** The secret is shown here and never again. `AppError('quota_exceeded')` when the owner has `max` already. */
  create(
    transaction: Queryable,
    input: WebhookInput,
    actor: Actor,
    max?: number,
  ): Promise<{ webhook: Webhook; secret: string }>;
  list(): Promise<Webhook[]>;
  /** In the order of their creation. */
  page(page: { limit: number; after?: string }): Promise<Webhook[]>;
  get(id: string): Promise<Webhook | undefined>;
  /**
   * Replaces what `change` returns. It sees the webhook locked, and may refuse by throwing. Undefined when there is no such webhook.
   */
  change(
    transaction: Queryable,
    id: string,
    change: (webhook: Webhook) => Required<WebhookInput> & { enabled: boolean },
  ): Promise<Webhook | undefined>;
  /** Of any owner, with the secrets that sign at present, the newest first: for the delivery alone. */
  open(id: string): Promise<(Webhook & { secrets: string[] }) | undefined>;
  /**
   * Gives it a new secret, shown here and never again. The one that it replaces goes on signing beside the new one for `graceSeconds`; with 0
   * it ends at once. Never more than two sign: one that is still in its grace ends now. Undefined when there is no such webhook.
   */
  rotateSecret(
    transaction: Queryable,
    id: string,
    grace: { graceSeconds: number },
  ): Promise<{ webhook: Webhook; secret: string } | undefined>;
  setEnabled(transaction: Queryable, id: string, enabled: boolean): Promise<boolean>;
  /** Removes it with its messages. `check` may refuse by throwing. False when there is none. */
  remove(transaction: Queryable, id: string, check?: (webhook: Webhook) => void): Promise<boolean>;
  /** Newest first. `AppError('invalid_request')` when `before` is no message of the webhook. */
  deliveries(id: string, page: { limit: number; before?: string }): Promise<WebhookDelivery[]>;
  /** Puts a message with the event `ping` into the outbox. Undefined while there is one that waits. */
  ping(transaction: Queryable, id: string): Promise<string | undefined>;
  /** Lets a finished message wait again, for as many attempts as at first. False when there is none that is finished. */
  redeliver(transaction: Queryable, id: string, messageId: string): Promise<boolean>;
}

export interface WebhooksDependencies {
  db: Queryable;
  sealer: Pick<TenantKeys, 'seal' | 'unseal'>;
  clock: Clock;
  random: Random;
  /** Whose webhooks; absent: the operators'. */
  owner?: TenantId;
}

/** A former secret whose time is over is as good as none. */
const columnsAt = (now: string) =>
  `id, tenant_id as "tenantId", url, events, description, enabled, created_by as "createdBy", created_at as "createdAt",
   case when former_secret_until > ${now} then former_secret_until end as "formerSecretUntil"`;

export function createWebhooks({ db, sealer, clock, random, owner }: WebhooksDependencies): Webhooks {
  const tenantId = owner ?? null;
  const now = () => new Date(clock.now());
  /** Binds the sealed secret to its webhook. */
  const purposeOf = (id: string) => `webhook-secret-${id}`;

  async function makeSecret(id: string): Promise<{ secret: string; sealed: string }> {
    const secret = formatWebhookSecret(random.bytes(32));
    return { secret, sealed: await sealer.seal(purposeOf(id), Buffer.from(secret)) };
  }

  async function unseal(id: string, sealed: string): Promise<string> {
    return Buffer.from(await sealer.unseal(purposeOf(id), sealed)).toString();
  }

  async function find(queryable: Queryable, id: string, lock = ''): Promise<Webhook | undefined> {
    const { rows } = await queryable.query<Webhook>(
      `select ${columnsAt('$2')} from webhooks where id = $1 and tenant_id is not distinct from $3 ${lock}`,
      [id, now(), tenantId],
    );
    return rows[0];
  }

  /** Whoever makes one for the owner waits until whoever came before has made theirs, or has not. */
  async function assertRoom(transaction: Queryable, max: number): Promise<void> {
    await transaction.query(`select pg_advisory_xact_lock(hashtextextended('webhooks.' || $1, 0))`, [
      tenantId ?? '',
    ]);
    const { rows } = await transaction.query<{ count: number }>(
      'select count(*)::integer as count from webhooks where tenant_id is not distinct from $1',
      [tenantId],
    );
    if ((rows[0]?.count ?? 0) >= max) {
      throw new AppError('quota_exceeded', `There are ${max} webhooks, which is all that there can be.`);
    }
  }

  async function hasMessage(id: string, messageId: string): Promise<boolean> {
    const { rows } = await db.query(
      `select 1 from outbox
        where id = $1 and webhook_id = (select id from webhooks where id = $2 and tenant_id is not distinct from $3)`,
      [messageId, id, tenantId],
    );
    return rows.length > 0;
  }

  return {
    async create(transaction, { url, events, description = '' }, actor, max) {
      if (max !== undefined) {
        await assertRoom(transaction, max);
      }
      const id = `whk_${randomId(random)}`;
      const { secret, sealed } = await makeSecret(id);
      const { rows } = await transaction.query<Webhook>(
        `insert into webhooks (id, url, events, description, sealed_secret, created_by, created_at, tenant_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8) returning ${columnsAt('$7')}`,
        [id, url, events, description, sealed, actorName(actor), now(), tenantId],
      );
      const [webhook] = rows;
      if (webhook === undefined) {
        throw new Error('the webhook was not stored');
      }
      return { webhook, secret };
    },

    async list() {
      const { rows } = await db.query<Webhook>(
        `select ${columnsAt('$1')} from webhooks where tenant_id is not distinct from $2 order by created_at, id`,
        [now(), tenantId],
      );
      return rows;
    },

    async page({ limit, after }) {
      const { rows } = await db.query<Webhook>(
        `select ${columnsAt('$1')} from webhooks
          where tenant_id is not distinct from $2
            and ($3::text is null or (created_at, id) > (select created_at, id from webhooks where id = $3))
          order by created_at, id limit $4`,
        [now(), tenantId, after ?? null, limit],
      );
      return rows;
    },

    async get(id) {
      return find(db, id);
    },

    async change(transaction, id, change) {
      const webhook = await find(transaction, id, 'for update');
      if (webhook === undefined) {
        return undefined;
      }
      const { url, events, description, enabled } = change(webhook);
      const { rows } = await transaction.query<Webhook>(
        `update webhooks set url = $2, events = $3, description = $4, enabled = $5
          where id = $1 returning ${columnsAt('$6')}`,
        [id, url, events, description, enabled, now()],
      );
      return rows[0];
    },

    async open(id) {
      const { rows } = await db.query<Webhook & { sealedSecret: string; sealedFormerSecret: string | null }>(
        `select ${columnsAt('$2')}, sealed_secret as "sealedSecret",
                case when former_secret_until > $2 then sealed_former_secret end as "sealedFormerSecret"
           from webhooks where id = $1`,
        [id, now()],
      );
      const [row] = rows;
      if (row === undefined) {
        return undefined;
      }
      const { sealedSecret, sealedFormerSecret, ...webhook } = row;
      const sealed = sealedFormerSecret === null ? [sealedSecret] : [sealedSecret, sealedFormerSecret];
      return { ...webhook, secrets: await Promise.all(sealed.map((each) => unseal(id, each))) };
    },

    async rotateSecret(transaction, id, { graceSeconds }) {
      const { secret, sealed } = await makeSecret(id);
      const until = graceSeconds === 0 ? null : new Date(clock.now() + graceSeconds * 1_000);
      const { rows } = await transaction.query<Webhook>(
        `update webhooks
            set sealed_former_secret = case when $3::timestamptz is null then null else sealed_secret end,
                former_secret_until = $3, sealed_secret = $2
          where id = $1 and tenant_id is not distinct from $5 returning ${columnsAt('$4')}`,
        [id, sealed, until, now(), tenantId],
      );
      const [webhook] = rows;
      return webhook === undefined ? undefined : { webhook, secret };
    },

    async setEnabled(transaction, id, enabled) {
      const { rowCount } = await transaction.query(
        'update webhooks set enabled = $2 where id = $1 and enabled <> $2 and tenant_id is not distinct from $3',
        [id, enabled, tenantId],
      );
      return rowCount === 1;
    },

    async remove(transaction, id, check = () => {}) {
      const webhook = await find(transaction, id, 'for update');
      if (webhook === undefined) {
        return false;
      }
      check(webhook);
      const { rowCount } = await transaction.query('delete from webhooks where id = $1', [id]);
      return rowCount === 1;
    },

    async deliveries(id, { limit, before }) {
      if (before !== undefined && !(await hasMessage(id, before))) {
        throw new AppError('invalid_request', 'The cursor is not valid.');
      }
      const { rows } = await db.query<WebhookDelivery>(
        `select id, topic as event, state, created_at as "createdAt",
                case when state = 'waiting' then next_attempt_at end as "nextAttemptAt",
                coalesce((
                  select json_agg(json_build_object('at', to_char(started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'milliseconds', milliseconds, 'status', status, 'error', error)
                                  order by number)
                    from outbox_attempts where message_id = outbox.id), '[]') as attempts
           from outbox
          where webhook_id = (select id from webhooks where id = $1 and tenant_id is not distinct from $4)
            and ($3::text is null or (created_at, id) < (select created_at, id from outbox where id = $3))
          order by created_at desc, id desc limit $2`,
        [id, limit, before ?? null, tenantId],
      );
      return rows;
    },

    async ping(transaction, id) {
      const messageId = `msg_${randomId(random)}`;
      const at = now();
      // Of pings at once each locks the webhook, so that the second sees the first.
      await find(transaction, id, 'for update');
      const { rowCount } = await transaction.query(
        `insert into outbox (id, channel, webhook_id, tenant_id, topic, payload, state, next_attempt_at, created_at)
         select $1, 'webhook', id, tenant_id, 'ping', $3, 'waiting', $4, $4 from webhooks
          where id = $2 and not exists (
            select 1 from outbox where webhook_id = $2 and topic = 'ping' and state = 'waiting')`,
        [
          messageId,
          id,
          JSON.stringify({ id: messageId, type: 'ping', timestamp: at.toISOString(), data: {} }),
          at,
        ],
      );
      return rowCount === 1 ? messageId : undefined;
    },

    async redeliver(transaction, id, messageId) {
      const { rowCount } = await transaction.query(
        `update outbox set state = 'waiting', tries = 0, next_attempt_at = $3, finished_at = null
          where id = $1 and state <> 'waiting'
            and webhook_id = (select id from webhooks where id = $2 and tenant_id is not distinct from $4)`,
        [messageId, id, now(), tenantId],
      );
      return rowCount === 1;
    },
  };
}
