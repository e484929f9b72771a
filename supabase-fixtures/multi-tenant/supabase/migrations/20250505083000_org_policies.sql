create policy "Members see their orgs" on public.orgs
  for select to authenticated
  using (id in (select private.my_orgs()));

create policy "Admins rename their orgs" on public.orgs
  for update to authenticated
  using ((select private.has_role(id, 'admin')))
  with check ((select private.has_role(id, 'admin')));

create policy "Members see each other" on public.memberships
  for select to authenticated
  using (org_id in (select private.my_orgs()));

create policy "Users join an org" on public.memberships
  for insert to authenticated
  with check (user_id = (select auth.uid()));

create policy "Owners change roles" on public.memberships
  for update to authenticated
  using ((select private.has_role(org_id, 'owner')))
  with check ((select private.has_role(org_id, 'owner')));

create policy "Users leave" on public.memberships
  for delete to authenticated
  using (user_id = (select auth.uid()));

-- an org and its first owner are made together
create function public.create_org(org_name text)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  caller uuid := (select auth.uid());
  new_org uuid;
begin
  if caller is null then
    raise exception 'sign in first' using errcode = '42501';
  end if;
  insert into public.orgs (name, created_by) values (org_name, caller) returning id into new_org;
  insert into public.memberships (org_id, user_id, role) values (new_org, caller, 'owner');
  return new_org;
end;
$$;
revoke execute on function public.create_org(text) from public, anon;
