create table public.orders_2025_h2 partition of public.orders
  for values from ('2025-07-01') to ('2026-01-01');

alter type public.order_status add value if not exists 'refunded' after 'cancelled';
