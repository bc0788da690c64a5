-- Up Migration

-- Since when a step, or its undo, has been failing for reasons that pass; null when it was done or given up since. See src/provisioning/attempt-step.ts.
alter table provisioning_steps add column failing_since timestamptz;
create index provisioning_steps_failing on provisioning_steps (failing_since) where failing_since is not null;
