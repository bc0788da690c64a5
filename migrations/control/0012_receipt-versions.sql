-- Up Migration

-- A receipt whose key was revoked proves nothing any more: it is issued anew, and the former ones stay.
alter table receipts
  add column version integer not null default 1 check (version > 0),
  drop constraint receipts_run_id_key,
  add constraint receipts_of_run unique (run_id, version);

create or replace function refuse_change_but_voiding() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and old.voided_at is null and new.voided_at is not null
     and (new.id, new.tenant_id, new.run_id, new.version, new.jws, new.kid, new.public_jwk, new.created_at)
       = (old.id, old.tenant_id, old.run_id, old.version, old.jws, old.kid, old.public_jwk, old.created_at) then
    return new;
  end if;
  raise exception '% is append-only', tg_table_name;
end $$;
