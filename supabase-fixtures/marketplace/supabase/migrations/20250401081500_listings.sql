create table public.categories (
  slug text primary key,
  label text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table public.listings (
  id uuid primary key default gen_random_uuid(),
  seller_id uuid not null references public.sellers (id) on delete cascade,
  title text not null check (char_length(title) between 3 and 140),
  description text not null default '',
  price_cents integer not null check (price_cents > 0),
  status public.listing_status not null default 'draft',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table public.listing_categories (
  listing_id uuid not null references public.listings (id) on delete cascade,
  category_slug text not null references public.categories (slug) on delete cascade,
  primary key (listing_id, category_slug)
);

create index listings_seller_id_idx on public.listings (seller_id);
create index listings_live_idx on public.listings (created_at desc) where status = 'active';
create index listing_categories_by_category_idx on public.listing_categories (category_slug);

alter table public.categories enable row level security;
alter table public.listings enable row level security;
alter table public.listing_categories enable row level security;

create policy "Categories are public" on public.categories
  for select to anon, authenticated using (true);

create policy "Visitors see active listings" on public.listings
  for select to anon using (status = 'active');
create policy "Users see active listings and their own" on public.listings
  for select to authenticated
  using (status = 'active' or seller_id = (select auth.uid()));
create policy "Sellers add listings" on public.listings
  for insert to authenticated with check (seller_id = (select auth.uid()));
create policy "Sellers edit listings" on public.listings
  for update to authenticated
  using (seller_id = (select auth.uid())) with check (seller_id = (select auth.uid()));
create policy "Sellers delete listings" on public.listings
  for delete to authenticated using (seller_id = (select auth.uid()));

create policy "Listing categories are public" on public.listing_categories
  for select to anon, authenticated using (true);
create policy "Sellers tag their listings" on public.listing_categories
  for insert to authenticated
  with check (listing_id in (select l.id from public.listings l where l.seller_id = (select auth.uid())));
create policy "Sellers untag their listings" on public.listing_categories
  for delete to authenticated
  using (listing_id in (select l.id from public.listings l where l.seller_id = (select auth.uid())));

create trigger categories_set_updated_at before update on public.categories
  for each row execute function public.set_updated_at();
create trigger listings_set_updated_at before update on public.listings
  for each row execute function public.set_updated_at();

create view public.listing_cards
with (security_invoker = true) as
  select l.id, l.title, l.price_cents, l.status, s.shop_name
  from public.listings l
  join public.sellers s on s.id = l.seller_id;
