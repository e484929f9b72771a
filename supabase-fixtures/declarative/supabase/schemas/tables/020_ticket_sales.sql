create table public.ticket_sales (
  id uuid primary key default gen_random_uuid(),
  event_id uuid not null references public.events (id) on delete restrict,
  buyer_id uuid not null references auth.users (id) on delete restrict,
  price_cents integer not null check (price_cents >= 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index ticket_sales_event_id_idx on public.ticket_sales (event_id);

create trigger ticket_sales_set_updated_at before update on public.ticket_sales
  for each row execute function public.set_updated_at();
