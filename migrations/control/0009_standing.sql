-- Up Migration

-- Which decision about the tenant's standing is in the directory, by which every process goes. `standing` grows with every decision and is kept in the
-- directory entry, so that of two the later one stays; what is not `applied` is not yet in force. See src/provisioning/standing.ts.
alter table tenants
  add column standing bigint not null default 0,
  add column standing_applied bigint not null default 0,
  add column standing_changed_at timestamptz;
create index tenants_standing_pending on tenants (standing_changed_at) where standing > standing_applied;
