-- Up Migration

-- A decision is about the tenant whose run it lets through, and a run stays its tenant's.
alter table provisioning_runs add constraint provisioning_runs_of_tenant unique (id, tenant_id);
alter table tenant_decisions
  drop constraint tenant_decisions_run_id_fkey,
  add constraint decisions_are_about_the_runs_tenant
    foreign key (run_id, tenant_id) references provisioning_runs (id, tenant_id),
  -- Only a review may come when no run waits for it.
  add constraint validations_name_their_run check (gate <> 'validation' or run_id is not null) not valid,
  -- No person behind a component's name: it decides by the checks that are written down with the decision, and by nothing else.
  add constraint components_decide_by_checks check (
    decided_by not like 'system:%' or (
      decided_by = 'system:provisioning' and decided_by_email is null and run_id is not null
      and jsonb_array_length(checks) > 0
      and (decision in ('approve', 'pass')) = not jsonb_path_exists(checks, '$[*] ? (!(@.passed == true))'))) not valid;

-- The gate's row itself may neither be moved to another run nor take another's name.
drop trigger gates_need_decisions on provisioning_steps;
create trigger gates_need_decisions before insert or update on provisioning_steps
  for each row when (new.status = 'done' and new.name in ('validation', 'compliance'))
  execute function gates_need_decisions();
create function refuse_other_step() returns trigger language plpgsql as $$
begin
  raise exception 'a step stays in its run, under its name'
    using errcode = 'check_violation', constraint = 'steps_stay', table = 'provisioning_steps';
end $$;
create trigger steps_stay before update on provisioning_steps
  for each row when ((old.run_id, old.position, old.name) is distinct from (new.run_id, new.position, new.name))
  execute function refuse_other_step();
create trigger gates_stay before delete on provisioning_steps
  for each row when (old.name in ('validation', 'compliance')) execute function refuse_other_step();

alter table orders
  -- Whoever asked for the tenant, and for which, stands as long as the order.
  add constraint orders_bring_about_their_tenant
    check (tenant_id is null or tenant_id = coalesce(request ->> 'tenantId', '')) not valid,
  -- Which component decides what: approval where it is automatic, expiry, the first start. None of them is a person.
  add constraint components_have_no_duties check (
    decided_by is null or decided_by not like 'system:%' or (decided_by_email is null and (
      (decided_by = 'system:onboarding' and source = 'registration' and status = 'Approved')
      or (decided_by = 'system:expiry' and status = 'Disapproved')
      or (decided_by = 'system:bootstrap' and source = 'bootstrap')))) not valid;
create function refuse_other_request() returns trigger language plpgsql as $$
begin
  raise exception 'what was asked for stays as it was asked for'
    using errcode = 'check_violation', constraint = 'requests_stay', table = 'orders';
end $$;
create trigger requests_stay before update on orders
  for each row when ((old.id, old.source, old.slug, old.request, old.requester_email)
    is distinct from (new.id, new.source, new.slug, new.request, new.requester_email))
  execute function refuse_other_request();
