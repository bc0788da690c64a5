-- Up Migration

-- The secret before the present one goes on signing beside it until this moment, so that receivers can change over one after the other.
alter table webhooks
  add column sealed_former_secret text,
  add column former_secret_until timestamptz,
  add constraint former_secrets_end check ((sealed_former_secret is null) = (former_secret_until is null));
