drop policy "anyone" on public.profiles;
create policy "read own" on public.profiles for select using (auth.uid() = id);
create policy "edit own" on public.profiles for update using (auth.uid() = id);
