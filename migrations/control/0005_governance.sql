-- Up Migration

-- A tenant's status follows from what is written here: its deletion hides it before a block does, a block before a suspension. Lifting one
-- leaves the others. See src/provisioning/standing.ts.
alter table tenants
  add column activated_at timestamptz,
  -- Each {at, by, reason}.
  add column suspension jsonb,
  add column blocking jsonb,
  add column deletion jsonb,
  add column deletion_due_at timestamptz,
  add constraint deletions_have_a_date check ((deletion is null) = (deletion_due_at is null)),
  add constraint platform_stands check (kind <> 'platform' or coalesce(suspension, blocking, deletion) is null),
  drop constraint tenants_status_check,
  add constraint tenants_status_check check
    (status in ('provisioning', 'active', 'suspended', 'blocked', 'deleting', 'failed', 'deleted')),
  drop constraint tenants_provisioning_state_check,
  add constraint tenants_provisioning_state_check check (provisioning_state in
    ('queued', 'running', 'awaiting-validation', 'awaiting-compliance', 'active', 'failed', 'rolled-back', 'blocked',
     'deprovisioning', 'deprovisioned'));
update tenants set activated_at = updated_at where status in ('active', 'suspended', 'blocked');
create index tenants_due_for_deletion on tenants (deletion_due_at) where status = 'deleting';

alter table provisioning_runs
  add column kind text not null default 'provision' check (kind in ('provision', 'deprovision')),
  drop constraint provisioning_runs_state_check,
  -- `superseded`: the tenant was deleted while the run waited at a gate.
  add constraint provisioning_runs_state_check check
    (state in ('running', 'undoing', 'succeeded', 'undone', 'needs-operator', 'superseded'));
-- Validation looks for resources that two tenants share.
create index provisioning_steps_by_output on provisioning_steps using gin (output jsonb_path_ops)
  where status = 'done' and output is not null;

-- Separation of duties (C1): towards one tenant a person has one duty, for good. A person is an account or client, and an e-mail address:
-- whoever decides is entered under both.
create table tenant_duties (
  tenant_id text not null,
  person text not null check (person like 'email:_%' or person like 'actor:_%'),
  duty text not null check (duty in ('request', 'approval', 'validation', 'compliance')),
  primary key (tenant_id, person)
);
create trigger tenant_duties_append_only before update or delete on tenant_duties
  for each row execute function refuse_change();
create trigger tenant_duties_no_truncate before truncate on tenant_duties
  for each statement execute function refuse_change();

-- `actor` as `<kind>:<id>`. The platform's own components have no duties: where a gate is automatic nobody decides.
create function take_duty(of_tenant text, of_duty text, actor text, email text) returns void language plpgsql as $$
declare
  persons text[] := array[
    'actor:' || nullif(actor, ''),
    'email:' || nullif(lower(btrim(email)), '')];
  former text;
begin
  if actor like 'system:%' then
    return;
  end if;
  insert into tenant_duties (tenant_id, person, duty)
    select of_tenant, person, of_duty from unnest(persons) as person where person is not null order by person
    on conflict (tenant_id, person) do nothing;
  select duty into former from tenant_duties
    where tenant_id = of_tenant and person = any (persons) and duty <> of_duty limit 1;
  if found then
    raise exception 'whoever has the duty of % cannot have that of %', former, of_duty
      using errcode = 'check_violation', constraint = 'separation_of_duties', table = 'tenant_duties';
  end if;
end $$;

-- An operator who orders a tenant requests and approves it in one act (B1): one duty.
create function orders_take_duties() returns trigger language plpgsql as $$
declare
  of_tenant text := new.request ->> 'tenantId';
begin
  if of_tenant is null or new.source = 'bootstrap' then
    return null;
  end if;
  if new.source = 'registration' then
    perform take_duty(of_tenant, 'request', null, new.requester_email);
    if new.decided_by is not null then
      perform take_duty(of_tenant, 'approval', new.decided_by, new.decided_by_email);
    end if;
  elsif new.decided_by is not null then
    perform take_duty(of_tenant, 'request', new.decided_by, coalesce(new.decided_by_email, new.requester_email));
  end if;
  return null;
end $$;
create trigger orders_take_duties after insert or update of decided_by, decided_by_email, requester_email on orders
  for each row execute function orders_take_duties();

insert into tenant_duties (tenant_id, person, duty)
  select tenant_id, person, duty from (
    select request ->> 'tenantId' as tenant_id, 'email:' || lower(btrim(requester_email)) as person, 'request' as duty
      from orders where source <> 'bootstrap' and btrim(requester_email) <> ''
    union all
    select request ->> 'tenantId', unnest(array['actor:' || decided_by, 'email:' || nullif(lower(btrim(decided_by_email)), '')]),
           case source when 'registration' then 'approval' else 'request' end
      from orders where source <> 'bootstrap' and decided_by not like 'system:%'
  ) as former where tenant_id is not null and person is not null
  on conflict do nothing;

-- Every decision at a gate, and every later compliance review (C3, C4).
create table tenant_decisions (
  id bigint generated always as identity primary key,
  tenant_id text not null references tenants (id),
  -- Null: a review that no run waited for.
  run_id text references provisioning_runs (id),
  gate text not null check (gate in ('validation', 'compliance')),
  decision text not null,
  -- `<kind>:<id>`.
  decided_by text not null,
  decided_by_email text,
  -- The comment, or the findings.
  words text,
  -- What the automatic checks found: [{name, passed, detail}].
  checks jsonb not null default '[]',
  decided_at timestamptz not null,
  constraint decisions_fit_gates check
    ((gate = 'validation' and decision in ('approve', 'reject')) or (gate = 'compliance' and decision in ('pass', 'fail')))
);
create index tenant_decisions_by_tenant on tenant_decisions (tenant_id, id);
create unique index one_passing_decision_per_gate on tenant_decisions (run_id, gate) where decision in ('approve', 'pass');
create trigger tenant_decisions_append_only before update or delete on tenant_decisions
  for each row execute function refuse_change();
create trigger tenant_decisions_no_truncate before truncate on tenant_decisions
  for each statement execute function refuse_change();

create function decisions_take_duties() returns trigger language plpgsql as $$
begin
  perform take_duty(new.tenant_id, new.gate, new.decided_by, new.decided_by_email);
  return null;
end $$;
create trigger decisions_take_duties after insert on tenant_decisions
  for each row execute function decisions_take_duties();

-- No gate is passed but by a decision.
create function gates_need_decisions() returns trigger language plpgsql as $$
begin
  if not exists (
    select 1 from tenant_decisions
     where run_id = new.run_id and gate = new.name and decision in ('approve', 'pass')) then
    raise exception 'the gate % is passed without a decision', new.name
      using errcode = 'check_violation', constraint = 'gates_need_decisions', table = 'provisioning_steps';
  end if;
  return new;
end $$;
create trigger gates_need_decisions before insert or update of status on provisioning_steps
  for each row when (new.status = 'done' and new.name in ('validation', 'compliance'))
  execute function gates_need_decisions();

-- Gates that were passed before decisions were written down were automatic.
insert into tenant_decisions (tenant_id, run_id, gate, decision, decided_by, decided_at)
  select run.tenant_id, run.id, step.name, case step.name when 'validation' then 'approve' else 'pass' end,
         'system:provisioning', coalesce(step.finished_at, now())
    from provisioning_steps as step join provisioning_runs as run on run.id = step.run_id
   where step.status = 'done' and step.name in ('validation', 'compliance');

-- What was said about an order or a gate that waits: each stage once.
create table reminders (
  -- An order's id, or `<run id>/<gate>`.
  subject text not null,
  stage text not null check (stage in ('asked', 'reminded', 'escalated', 'expired')),
  at timestamptz not null,
  primary key (subject, stage)
);
