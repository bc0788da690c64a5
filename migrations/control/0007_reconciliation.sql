-- Up Migration

-- What comparing the records with what exists came to; see src/provisioning/reconcile.
create table reconciliations (
  id text primary key,
  position bigint generated always as identity unique,
  state text not null check (state in ('queued', 'running', 'done', 'failed')),
  -- Who asked for it: {kind, id, email?}.
  requested_by jsonb not null,
  repair boolean not null,
  -- [{kind, what, name, problem, tenantId?, slug?, since, repair?}], and what could not be looked at.
  discrepancies jsonb not null default '[]',
  unchecked jsonb not null default '[]',
  tenants integer not null default 0,
  error text,
  requested_at timestamptz not null,
  finished_at timestamptz
);

-- How each tenant that answers was found when it was last looked at (B14); see src/provisioning/tenant-health.ts.
create table tenant_health (
  tenant_id text primary key references tenants (id),
  status text not null check (status in ('healthy', 'unhealthy')),
  -- [{name, passed, detail}]
  checks jsonb not null,
  checked_at timestamptz not null,
  -- Since when the status is what it is.
  since timestamptz not null
);
