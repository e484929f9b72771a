create table public.favourites (
  user_id uuid not null references auth.users (id) on delete cascade,
  listing_id uuid not null references public.listings (id) on delete cascade,
  primary key (user_id, listing_id)
);
alter table public.favourites enable row level security;

create policy "Users see their favourites" on public.favourites
  for select to authenticated using (user_id = (select auth.uid()));
create policy "Users add favourites" on public.favourites
  for insert to authenticated with check (user_id = (select auth.uid()));
create policy "Users remove favourites" on public.favourites
  for delete to authenticated using (user_id = (select auth.uid()));

-- the card now says since when it is on offer
create or replace view public.listing_cards as
  select l.id, l.title, l.price_cents, l.status, s.shop_name, l.created_at
  from public.listings l
  join public.sellers s on s.id = l.seller_id;
