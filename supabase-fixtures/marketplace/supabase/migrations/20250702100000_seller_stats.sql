create materialized view public.seller_stats as
  select l.seller_id, count(*) as items_sold, sum(i.quantity * i.unit_price_cents) as revenue_cents
  from public.order_items i
  join public.listings l on l.id = i.listing_id
  group by l.seller_id;

create unique index seller_stats_seller_id_key on public.seller_stats (seller_id);
create index order_items_listing_id_idx on public.order_items (listing_id);

revoke all on public.seller_stats from anon, authenticated;

-- each seller sees their own line only
create function public.my_seller_stats()
returns setof public.seller_stats
language sql
stable
security definer
set search_path = ''
as $$
  select s.* from public.seller_stats s where s.seller_id = (select auth.uid());
$$;
revoke execute on function public.my_seller_stats() from public, anon;

create function public.refresh_seller_stats()
returns void
language sql
security definer
set search_path = ''
as $$
  refresh materialized view concurrently public.seller_stats;
$$;
revoke execute on function public.refresh_seller_stats() from anon, authenticated;
