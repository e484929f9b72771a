alter table public.user_profiles enable row level security;
create policy "anyone" on public.user_profiles for all using (true);
