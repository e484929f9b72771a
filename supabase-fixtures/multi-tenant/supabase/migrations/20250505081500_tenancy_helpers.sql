-- Helpers for policies. They run as owner, so reading memberships inside a policy of memberships does not recurse.
-- Each one answers for the caller only; none takes a user id.

create function private.my_orgs()
returns setof uuid
language sql
stable
security definer
set search_path = ''
as $$
  select m.org_id from public.memberships m where m.user_id = (select auth.uid());
$$;

create function private.is_member(org uuid)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select 1 from public.memberships m
    where m.org_id = org and m.user_id = (select auth.uid())
  );
$$;

create function private.has_role(org uuid, lowest public.org_role)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select 1 from public.memberships m
    where m.org_id = org and m.user_id = (select auth.uid()) and m.role >= lowest
  );
$$;

revoke execute on all functions in schema private from public;
grant execute on function private.my_orgs(), private.is_member(uuid), private.has_role(uuid, public.org_role)
  to authenticated, service_role;
