-- Up Migration

-- Webhooks of tenants are told of the events of that tenant alone; those without one are the platform's, which are told of everything.
alter table webhooks add column tenant_id text;
create index webhooks_by_tenant on webhooks (tenant_id, created_at, id) where tenant_id is not null;
