-- Up Migration

-- A mailbox, whatever the spelling of its address: letter case, spaces around it, and what stands behind a `+` in the local part (RFC 5233).
create function mailbox_of(email text) returns text language sql immutable as $$
  select nullif(regexp_replace(lower(btrim(email)), '^([^@+]+)\+[^@]*@', '\1@'), '')
$$;

-- Whoever sent the registration with an access token, as `<kind>:<id>`, and the address of their account: proved, where the requester's is only named.
alter table orders
  add column submitted_by text check (submitted_by not like 'system:%'),
  add column submitted_by_email text,
  drop constraint requester_is_not_approver,
  add constraint requester_is_not_approver check
    (source <> 'registration' or decided_by_email is null or mailbox_of(decided_by_email) <> mailbox_of(requester_email)) not valid;
drop trigger requests_stay on orders;
create trigger requests_stay before update on orders
  for each row when ((old.id, old.source, old.slug, old.request, old.requester_email, old.submitted_by, old.submitted_by_email)
    is distinct from (new.id, new.source, new.slug, new.request, new.requester_email, new.submitted_by, new.submitted_by_email))
  execute function refuse_other_request();

create or replace function take_duty(of_tenant text, of_duty text, actor text, email text) returns void language plpgsql as $$
declare
  persons text[] := array[
    'actor:' || nullif(actor, ''),
    'email:' || mailbox_of(email)];
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

create or replace function orders_take_duties() returns trigger language plpgsql as $$
declare
  of_tenant text := new.request ->> 'tenantId';
begin
  if of_tenant is null or new.source = 'bootstrap' then
    return null;
  end if;
  if new.source = 'registration' then
    perform take_duty(of_tenant, 'request', null, new.requester_email);
    perform take_duty(of_tenant, 'request', new.submitted_by, new.submitted_by_email);
    if new.decided_by is not null then
      perform take_duty(of_tenant, 'approval', new.decided_by, new.decided_by_email);
    end if;
  elsif new.decided_by is not null then
    perform take_duty(of_tenant, 'request', new.decided_by, coalesce(new.decided_by_email, new.requester_email));
  end if;
  return null;
end $$;

-- Duties that were entered under another spelling of a mailbox hold under this one, too.
insert into tenant_duties (tenant_id, person, duty)
  select tenant_id, 'email:' || mailbox_of(substr(person, 7)), duty from tenant_duties where person like 'email:%'
  on conflict do nothing;
