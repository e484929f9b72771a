create or replace function public.set_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end;
$$;

create table public.venues (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid not null references auth.users (id) on delete cascade,
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index venues_owner_id_idx on public.venues (owner_id);

create table public.events (
  id uuid primary key default gen_random_uuid(),
  venue_id uuid not null references public.venues (id) on delete cascade,
  title text not null,
  starts_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index events_venue_id_idx on public.events (venue_id);

create trigger venues_set_updated_at before update on public.venues
  for each row execute function public.set_updated_at();
create trigger events_set_updated_at before update on public.events
  for each row execute function public.set_updated_at();

alter table public.venues enable row level security;
alter table public.events enable row level security;

create policy "Venues are public" on public.venues
  for select to anon, authenticated using (true);
create policy "Owners keep their venues" on public.venues
  for update to authenticated
  using (owner_id = (select auth.uid())) with check (owner_id = (select auth.uid()));

create policy "Events are public" on public.events
  for select to anon, authenticated using (true);
