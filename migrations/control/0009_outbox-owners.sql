-- Up Migration

-- Whose messages they are, so that nobody's hold up those of others; null for the operators' own.
alter table outbox add column tenant_id text;
update outbox set tenant_id = webhooks.tenant_id from webhooks where webhooks.id = outbox.webhook_id;
drop index outbox_due;
create index outbox_due on outbox (channel, next_attempt_at) where state = 'waiting';
