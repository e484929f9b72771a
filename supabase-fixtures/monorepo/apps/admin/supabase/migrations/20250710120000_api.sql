create schema api;
grant usage on schema api to authenticated, service_role;

create table api.staff (
  user_id uuid primary key references auth.users (id) on delete cascade,
  full_name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
alter table api.staff enable row level security;
grant select on table api.staff to authenticated;

create policy "Staff see themselves" on api.staff
  for select to authenticated using (user_id = (select auth.uid()));

create table api.staff_notes (
  id uuid primary key default gen_random_uuid(),
  staff_id uuid not null references api.staff (user_id) on delete cascade,
  note text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index staff_notes_staff_id_idx on api.staff_notes (staff_id);
grant select, insert on table api.staff_notes to authenticated;

-- filled by the nightly export; nobody has a right on it yet
create table api.export_runs (
  id uuid primary key default gen_random_uuid(),
  row_count bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create trigger staff_set_updated_at before update on api.staff
  for each row execute function public.set_updated_at();
create trigger staff_notes_set_updated_at before update on api.staff_notes
  for each row execute function public.set_updated_at();
create trigger export_runs_set_updated_at before update on api.export_runs
  for each row execute function public.set_updated_at();
