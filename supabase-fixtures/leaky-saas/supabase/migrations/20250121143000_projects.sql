create table public.projects (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  created_by uuid not null references auth.users (id),
  is_public boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index projects_created_by_idx on public.projects (created_by);
alter table public.projects enable row level security;

create policy "Creators read projects" on public.projects
  for select to authenticated using ((select auth.uid()) = created_by);
create policy "Public projects are visible" on public.projects
  for select to authenticated using (is_public);

create table public.org_settings (
  key text primary key,
  value jsonb not null,
  updated_by uuid references auth.users (id)
);
alter table public.org_settings enable row level security;

create policy "Admins change settings" on public.org_settings
  for all to authenticated
  using ((select auth.jwt()) -> 'user_metadata' ->> 'role' = 'admin');
