-- Up Migration

-- Whose data this is. A service that finds another tenant here is connected to the wrong place and must not go on.
create table tenant_identity (
  only_row boolean primary key default true check (only_row),
  tenant_id text not null,
  slug text not null
);
