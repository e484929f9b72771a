create table public.projects (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.orgs (id) on delete cascade,
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (org_id, id)
);

create table public.tasks (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null,
  project_id uuid not null,
  assignee_id uuid references auth.users (id) on delete set null,
  title text not null,
  is_done boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- the project must belong to the same org
  foreign key (org_id, project_id) references public.projects (org_id, id) on delete cascade
);

create index tasks_org_project_idx on public.tasks (org_id, project_id);

alter table public.projects enable row level security;
alter table public.tasks enable row level security;

create policy "Members see projects" on public.projects
  for select to authenticated
  using ((select private.is_member(org_id)));
create policy "Members add projects" on public.projects
  for insert to authenticated
  with check ((select private.has_role(org_id, 'member')));
create policy "Members edit projects" on public.projects
  for update to authenticated
  using ((select private.has_role(org_id, 'member')))
  with check ((select private.has_role(org_id, 'member')));
create policy "Admins delete projects" on public.projects
  for delete to authenticated
  using ((select private.has_role(org_id, 'admin')));

create policy "Members see tasks" on public.tasks
  for select to authenticated
  using (org_id in (select private.my_orgs()));
create policy "Members add tasks" on public.tasks
  for insert to authenticated
  with check ((select private.has_role(org_id, 'member')));
create policy "Members edit tasks" on public.tasks
  for update to authenticated
  using ((select private.has_role(org_id, 'member')))
  with check (true);
create policy "Members delete tasks" on public.tasks
  for delete to authenticated
  using ((select private.has_role(org_id, 'member')));

create trigger projects_set_updated_at before update on public.projects
  for each row execute function private.set_updated_at();
create trigger tasks_set_updated_at before update on public.tasks
  for each row execute function private.set_updated_at();
