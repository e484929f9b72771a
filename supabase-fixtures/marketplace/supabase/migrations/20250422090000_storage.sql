insert into storage.buckets (id, name, public)
values ('listing-images', 'listing-images', true), ('invoices', 'invoices', false)
on conflict (id) do update set public = excluded.public;

-- public files need no policy to be downloaded
create policy "Listing images can be listed" on storage.objects
  for select to anon, authenticated
  using (bucket_id = 'listing-images');

create policy "Sellers upload listing images" on storage.objects
  for insert to authenticated
  with check (bucket_id = 'listing-images' and (storage.foldername(name))[1] = (select auth.uid())::text);

create policy "Sellers replace listing images" on storage.objects
  for update to authenticated
  using (bucket_id = 'listing-images' and owner_id = (select auth.uid())::text)
  with check (bucket_id = 'listing-images' and owner_id = (select auth.uid())::text);

create policy "Buyers download their invoices" on storage.objects
  for select to authenticated
  using (bucket_id = 'invoices' and (storage.foldername(name))[1] = (select auth.uid())::text);
