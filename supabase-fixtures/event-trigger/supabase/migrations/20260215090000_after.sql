create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  body text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index notes_user_id_idx on public.notes (user_id);

create policy "Users keep notes" on public.notes
  for all to authenticated
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()));

-- written and read by the server only
create table public.rate_limits (
  bucket text primary key,
  hits integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table private.settings (
  key text primary key,
  value jsonb not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create trigger notes_set_updated_at before update on public.notes
  for each row execute function public.set_updated_at();
create trigger rate_limits_set_updated_at before update on public.rate_limits
  for each row execute function public.set_updated_at();
create trigger settings_set_updated_at before update on private.settings
  for each row execute function public.set_updated_at();
