alter table public.posts enable row level security;
create policy "authors_all" on public.posts for all using (auth.uid() = author_id);
create policy "posts_read" on public.posts for select using (true);
