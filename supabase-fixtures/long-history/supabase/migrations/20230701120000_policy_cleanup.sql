alter policy "read own" on public.profiles to authenticated using (id = (select auth.uid()));
alter policy "edit own" on public.profiles to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));
alter policy "read own" on public.profiles rename to profiles_read;
alter policy "edit own" on public.profiles rename to profiles_update;
alter policy comments_insert on public.comments with check (user_id = (select auth.uid()));
