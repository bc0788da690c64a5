-- Up Migration

-- Endpoints of the operators' own systems that are told of audit events. See src/outbox.
create table webhooks (
  id text primary key,
  url text not null,
  -- Event names; `tenant.*` stands for all that begin with `tenant.`, `*` for all.
  events text[] not null,
  description text not null,
  sealed_secret text not null,
  enabled boolean not null default true,
  created_by text not null,
  created_at timestamptz not null
);

-- What has to leave the deployment once the transaction that wrote it has committed: mail and webhook messages.
create table outbox (
  id text primary key,
  channel text not null check (channel in ('mail', 'webhook')),
  webhook_id text references webhooks (id) on delete cascade,
  -- For people who look for a message: an event's name, or a mail's kind.
  topic text not null,
  -- A webhook's body, or a mail sealed by the key store; a mail's is removed when it is delivered.
  payload text,
  state text not null check (state in ('waiting', 'delivered', 'dead')),
  -- Grows with every claim, so a worker that lost its claim changes nothing.
  attempts integer not null default 0,
  -- Attempts since the message was written, or last asked for anew; decides when the next is due and which is the last.
  tries integer not null default 0,
  next_attempt_at timestamptz not null,
  claimed_until timestamptz,
  created_at timestamptz not null,
  finished_at timestamptz,
  constraint webhook_messages_name_theirs check ((channel = 'webhook') = (webhook_id is not null))
);
create index outbox_due on outbox (next_attempt_at) where state = 'waiting';
create index outbox_by_webhook on outbox (webhook_id, created_at desc, id desc) where webhook_id is not null;
create index outbox_finished on outbox (finished_at) where state <> 'waiting';

create table outbox_attempts (
  message_id text not null references outbox (id) on delete cascade,
  number integer not null,
  started_at timestamptz not null,
  milliseconds integer not null,
  -- HTTP status of a webhook's answer.
  status integer,
  -- Absent when it was delivered.
  error text,
  primary key (message_id, number)
);
