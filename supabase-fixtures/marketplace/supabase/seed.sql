insert into public.categories (slug, label)
values ('bikes', 'Bikes'), ('books', 'Books'), ('garden', 'Garden')
on conflict (slug) do nothing;

insert into auth.users (id, email) values ('bbbbbbbb-0000-4000-8000-000000000001', 'seller@example.com');
insert into public.sellers (id, shop_name) values ('bbbbbbbb-0000-4000-8000-000000000001', 'Second Gear');
insert into public.listings (seller_id, title, price_cents, status)
values ('bbbbbbbb-0000-4000-8000-000000000001', 'City bike, 7 gears', 12500, 'active');
