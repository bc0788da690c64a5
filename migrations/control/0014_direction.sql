-- Up Migration

-- The run's direction, for good: once it has turned back nothing of it goes forward any more, also when it stopped before the first step was undone.
alter table provisioning_runs add column turned_back boolean not null default false;
update provisioning_runs set turned_back = true
 where kind = 'deprovision' or state in ('undoing', 'undone')
    or exists (select 1 from provisioning_steps
                where run_id = provisioning_runs.id and status in ('undoing', 'undone', 'undo-failed'));
alter table provisioning_runs
  add constraint runs_undo_on_their_way_back check (turned_back or (kind = 'provision' and state not in ('undoing', 'undone')));
