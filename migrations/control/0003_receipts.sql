-- Up Migration

-- Where each audit chain ends; written by every append in its own transaction. See src/audit.
create table audit_heads (
  chain text primary key,
  events bigint not null,
  hash text not null,
  -- `events` as it was when the head was last signed and kept outside this database.
  checkpointed bigint not null default 0,
  updated_at timestamptz not null
);
insert into audit_heads (chain, events, hash, updated_at)
  select chain, count(*), (array_agg(hash order by sequence desc))[1], max(at) from audit_events group by chain;
create index audit_heads_to_sign on audit_heads (chain) where events > checkpointed;

-- Signed evidence of what a provisioning run did (C7). The JWS is the receipt; the other columns find it.
create table receipts (
  id text primary key,
  tenant_id text not null references tenants (id),
  run_id text not null unique references provisioning_runs (id),
  jws text not null,
  kid text not null,
  -- Of the key that signed: the receipt stays verifiable when the key is no longer published.
  public_jwk jsonb not null,
  created_at timestamptz not null,
  -- The run was undone after the receipt had been written.
  voided_at timestamptz
);
create index receipts_by_tenant on receipts (tenant_id, created_at);

create function refuse_change_but_voiding() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and old.voided_at is null and new.voided_at is not null
     and (new.id, new.tenant_id, new.run_id, new.jws, new.kid, new.public_jwk, new.created_at)
       = (old.id, old.tenant_id, old.run_id, old.jws, old.kid, old.public_jwk, old.created_at) then
    return new;
  end if;
  raise exception '% is append-only', tg_table_name;
end $$;
create trigger receipts_append_only before update or delete on receipts
  for each row execute function refuse_change_but_voiding();
create trigger receipts_no_truncate before truncate on receipts
  for each statement execute function refuse_change();
