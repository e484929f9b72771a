create table public.invitations (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.orgs (id) on delete cascade,
  invited_by uuid not null references auth.users (id) on delete cascade,
  email text not null,
  role public.org_role not null default 'member' check (role <> 'owner'),
  accepted_at timestamptz,
  expires_at timestamptz not null default now() + interval '7 days',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (org_id, email)
);
create index invitations_invited_by_idx on public.invitations (invited_by);

alter table public.invitations enable row level security;

create policy "Admins see invitations" on public.invitations
  for select to authenticated
  using ((select private.has_role(org_id, 'admin')));
create policy "Admins invite" on public.invitations
  for insert to authenticated
  with check (invited_by = (select auth.uid()) and (select private.has_role(org_id, 'admin')));
create policy "Admins withdraw invitations" on public.invitations
  for delete to authenticated
  using ((select private.has_role(org_id, 'admin')));

create trigger invitations_set_updated_at before update on public.invitations
  for each row execute function private.set_updated_at();

create function public.accept_invitation(invitation uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  caller uuid := (select auth.uid());
  found_invitation public.invitations;
begin
  select i.* into found_invitation
  from public.invitations i
  join auth.users u on u.id = caller and lower(u.email) = lower(i.email) and u.email_confirmed_at is not null
  where i.id = invitation and i.accepted_at is null and i.expires_at > now()
  for update of i;

  if not found then
    raise exception 'no such invitation' using errcode = 'P0002';
  end if;

  insert into public.memberships (org_id, user_id, role)
  values (found_invitation.org_id, caller, found_invitation.role)
  on conflict (org_id, user_id) do nothing;
  update public.invitations set accepted_at = now() where id = found_invitation.id;
end;
$$;
revoke execute on function public.accept_invitation(uuid) from public, anon;
