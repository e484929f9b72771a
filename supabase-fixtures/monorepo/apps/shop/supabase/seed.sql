insert into public.products (sku, name, price_cents) values ('TEA-1', 'Green tea', 590), ('TEA-2', 'Black tea', 490);
insert into warehouse.stock (product_id, on_hand) select id, 40 from public.products;
