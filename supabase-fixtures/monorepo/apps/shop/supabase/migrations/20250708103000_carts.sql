create table public.carts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null unique references auth.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table public.cart_items (
  cart_id uuid not null references public.carts (id) on delete cascade,
  product_id uuid not null references public.products (id) on delete cascade,
  quantity integer not null default 1 check (quantity between 1 and 99),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (cart_id, product_id)
);
create index cart_items_product_id_idx on public.cart_items (product_id);

alter table public.carts enable row level security;

create policy "Customers use their cart" on public.carts
  for all to authenticated
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()));

create policy "Customers use their cart items" on public.cart_items
  for all to authenticated
  using (cart_id in (select c.id from public.carts c where c.user_id = (select auth.uid())))
  with check (cart_id in (select c.id from public.carts c where c.user_id = (select auth.uid())));

create trigger carts_set_updated_at before update on public.carts
  for each row execute function public.set_updated_at();
create trigger cart_items_set_updated_at before update on public.cart_items
  for each row execute function public.set_updated_at();

-- stock is imported at night by the warehouse job
create schema warehouse;
create table warehouse.stock (
  product_id uuid primary key references public.products (id) on delete cascade,
  on_hand integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create trigger stock_set_updated_at before update on warehouse.stock
  for each row execute function public.set_updated_at();
