create type public.listing_status as enum ('draft', 'active', 'sold', 'withdrawn');
create type public.order_status as enum ('placed', 'paid', 'shipped', 'delivered', 'cancelled');

create function public.set_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end;
$$;

create table public.sellers (
  id uuid primary key references auth.users (id) on delete cascade,
  shop_name text not null unique,
  bio text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

alter table public.sellers enable row level security;

-- shop windows are public by design
create policy "Shops are public" on public.sellers
  for select to anon, authenticated using (true);
create policy "Sellers open their shop" on public.sellers
  for insert to authenticated with check (id = (select auth.uid()));
create policy "Sellers edit their shop" on public.sellers
  for update to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));

create trigger sellers_set_updated_at before update on public.sellers
  for each row execute function public.set_updated_at();
