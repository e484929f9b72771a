create table public.orders (
  id uuid not null default gen_random_uuid(),
  buyer_id uuid not null references auth.users (id) on delete restrict,
  status public.order_status not null default 'placed',
  placed_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (id, placed_at)
) partition by range (placed_at);

create table public.orders_2025_h1 partition of public.orders
  for values from ('2025-01-01') to ('2025-07-01');

create table public.order_items (
  order_id uuid not null,
  placed_at timestamptz not null,
  listing_id uuid not null references public.listings (id) on delete restrict,
  quantity integer not null default 1 check (quantity > 0),
  unit_price_cents integer not null check (unit_price_cents > 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (order_id, listing_id),
  constraint order_items_order_fkey
    foreign key (order_id, placed_at) references public.orders (id, placed_at) on delete cascade
);

create index orders_buyer_id_idx on public.orders (buyer_id);
create index order_items_order_idx on public.order_items (placed_at, order_id);

alter table public.orders enable row level security;
alter table public.orders_2025_h1 enable row level security;
alter table public.order_items enable row level security;

create policy "Buyers see their orders" on public.orders
  for select to authenticated using (buyer_id = (select auth.uid()));

create policy "Buyers see the items of their orders" on public.order_items
  for select to authenticated
  using (order_id in (select o.id from public.orders o where o.buyer_id = (select auth.uid())));

-- orders are placed by the checkout function of the server, with the service role
create trigger orders_set_updated_at before update on public.orders
  for each row execute function public.set_updated_at();
create trigger order_items_set_updated_at before update on public.order_items
  for each row execute function public.set_updated_at();
