drop policy if exists "posts_read" on public.posts;
drop policy if exists "author_all" on public.posts;

create policy posts_read on public.posts for select to authenticated
  using (state = 'live' or user_id = (select auth.uid()));
create policy posts_insert on public.posts for insert to authenticated
  with check (user_id = (select auth.uid()));
create policy posts_update on public.posts for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy posts_delete on public.posts for delete to authenticated
  using (user_id = (select auth.uid()));
