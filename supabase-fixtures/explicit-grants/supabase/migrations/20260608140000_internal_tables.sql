-- tables of the worker: no grant to an API role, so no policy is needed
create table public.outbox (
  id uuid primary key default gen_random_uuid(),
  topic text not null,
  payload jsonb not null,
  sent_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table public.import_batches (
  id uuid primary key default gen_random_uuid(),
  source text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

grant select, insert, update, delete on table public.outbox, public.import_batches to service_role;

-- readable for one evening, then taken back
grant select on table public.import_batches to authenticated;
revoke select on table public.import_batches from authenticated;

create trigger outbox_set_updated_at before update on public.outbox
  for each row execute function public.set_updated_at();
create trigger import_batches_set_updated_at before update on public.import_batches
  for each row execute function public.set_updated_at();
