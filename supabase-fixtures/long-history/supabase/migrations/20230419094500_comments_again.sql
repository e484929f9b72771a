-- safe to run twice
create table if not exists public.comments (id uuid primary key);

do $$
begin
  create policy comments_read on public.comments for select to authenticated using (true);
exception
  when duplicate_object then null;
end
$$;

do $$
begin
  create policy comments_insert on public.comments for insert to authenticated
    with check (auth.uid() = user_id);
exception
  when duplicate_object then
    raise notice 'comments_insert is already there';
end
$$;
