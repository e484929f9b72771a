create table public.audit_entries (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.orgs (id) on delete cascade,
  actor_id uuid references auth.users (id) on delete set null,
  action text not null,
  details jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index audit_entries_org_idx on public.audit_entries (org_id, created_at desc);
create index audit_entries_actor_id_idx on public.audit_entries (actor_id);

alter table public.audit_entries enable row level security;

create policy "Admins read the audit trail" on public.audit_entries
  for select to authenticated
  using ((select private.has_role(org_id, 'admin')));

create trigger audit_entries_set_updated_at before update on public.audit_entries
  for each row execute function private.set_updated_at();

create function public.record_audit(org_id uuid, actor_id uuid, action text, details jsonb default '{}')
returns void
language sql
security definer
set search_path = ''
as $$
  insert into public.audit_entries (org_id, actor_id, action, details)
  values (org_id, actor_id, action, details);
$$;
revoke execute on function public.record_audit(uuid, uuid, text, jsonb) from public, anon;
