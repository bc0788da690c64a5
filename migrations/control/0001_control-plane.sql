-- Up Migration

-- Slugs are registered once and never reused: a reused slug would inherit the old issuer (D1, E6).
create table slugs (
  slug text primary key,
  state text not null check (state in ('held', 'taken', 'retired')),
  created_at timestamptz not null default now()
);

create table tenants (
  id text primary key,
  slug text not null,
  name text not null,
  kind text not null check (kind in ('platform', 'tenant')),
  status text not null check (status in ('provisioning', 'active', 'suspended', 'blocked', 'failed', 'deleted')),
  provisioning_state text not null check (provisioning_state in
    ('queued', 'running', 'awaiting-validation', 'awaiting-compliance', 'active', 'failed', 'rolled-back', 'blocked')),
  -- What was asked for: features, securityPolicy, redirectUris, clientType, admin {name, email}.
  request jsonb not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index tenants_live_slug on tenants (slug) where status not in ('failed', 'deleted');

create table orders (
  id text primary key,
  position bigint generated always as identity unique,
  source text not null check (source in ('registration', 'operator', 'bootstrap')),
  slug text not null,
  name text not null,
  requester_name text not null,
  requester_email text not null,
  request jsonb not null,
  status text not null check (status in ('Submitted', 'In-Process', 'Approved', 'Disapproved')),
  decided_by text,
  decided_by_email text,
  decision_reason text,
  decided_at timestamptz,
  -- Why an operator must look at this order; null when none need to (A3).
  attention text,
  tenant_id text references tenants (id),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint decided_orders_name_who check ((status in ('Approved', 'Disapproved')) = (decided_by is not null)),
  constraint requester_is_not_approver check
    (source <> 'registration' or decided_by_email is null or lower(decided_by_email) <> lower(requester_email))
);
create index orders_by_status on orders (status, position);

create table order_events (
  order_id text not null references orders (id),
  sequence integer not null,
  at timestamptz not null default now(),
  what text not null,
  by text not null,
  why text,
  primary key (order_id, sequence)
);

create table provisioning_runs (
  id text primary key,
  tenant_id text not null references tenants (id),
  state text not null check (state in ('running', 'undoing', 'succeeded', 'undone', 'needs-operator')),
  -- Grows with every worker that takes the run over; writes of an older holder change nothing.
  fence bigint not null default 0,
  lease_until timestamptz,
  failed_step text,
  error text,
  created_at timestamptz not null default now(),
  finished_at timestamptz
);
create unique index one_open_run_per_tenant on provisioning_runs (tenant_id) where state in ('running', 'undoing');

create table provisioning_steps (
  run_id text not null references provisioning_runs (id),
  position integer not null,
  name text not null,
  status text not null check (status in ('pending', 'intended', 'done', 'undoing', 'undone', 'undo-failed')),
  output jsonb,
  error text,
  started_at timestamptz,
  finished_at timestamptz,
  primary key (run_id, position),
  unique (run_id, name)
);

create table provisioning_attempts (
  id bigint generated always as identity primary key,
  run_id text not null references provisioning_runs (id),
  step text not null,
  action text not null check (action in ('act', 'undo')),
  fence bigint not null,
  started_at timestamptz not null,
  finished_at timestamptz,
  error text
);
create index provisioning_attempts_by_run on provisioning_attempts (run_id, id);

-- Append-only and hash-chained per chain (a tenant id, or 'platform'); see src/audit.
create table audit_events (
  sequence bigint generated always as identity primary key,
  id text not null unique,
  chain text not null,
  at timestamptz not null,
  event text not null,
  severity text not null check (severity in ('info', 'notice', 'high')),
  tenant_id text,
  actor jsonb not null,
  details jsonb not null,
  previous_hash text not null,
  hash text not null,
  unique (chain, previous_hash)
);
create index audit_events_by_chain on audit_events (chain, sequence);
create index audit_events_by_tenant on audit_events (tenant_id, sequence);
create index audit_events_by_event on audit_events (event, sequence);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name;
end $$;
create trigger audit_events_append_only before update or delete on audit_events
  for each row execute function refuse_change();
create trigger audit_events_no_truncate before truncate on audit_events
  for each statement execute function refuse_change();
create trigger order_events_append_only before update or delete on order_events
  for each row execute function refuse_change();
create trigger order_events_no_truncate before truncate on order_events
  for each statement execute function refuse_change();

-- Answers kept for repeated requests with the same Idempotency-Key.
create table idempotency_keys (
  scope text not null,
  key text not null,
  request_hash text not null,
  status integer not null,
  body jsonb not null,
  created_at timestamptz not null default now(),
  primary key (scope, key)
);
create index idempotency_keys_by_age on idempotency_keys (created_at);
