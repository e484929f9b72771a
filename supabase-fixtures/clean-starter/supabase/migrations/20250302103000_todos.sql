create table public.lists (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (id) on delete cascade,
  title text not null check (char_length(title) between 1 and 120),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table public.todos (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (id) on delete cascade,
  list_id uuid not null references public.lists (id) on delete cascade,
  task text not null check (char_length(task) between 1 and 500),
  is_done boolean not null default false,
  due_on date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create index lists_user_id_idx on public.lists (user_id);
create index todos_user_id_idx on public.todos (user_id);
create index todos_list_id_idx on public.todos (list_id);

alter table public.lists enable row level security;
alter table public.todos enable row level security;

revoke all on table public.lists, public.todos from anon, authenticated;
grant select, insert, update, delete on table public.lists, public.todos to authenticated;

create policy "Owners read their lists"
  on public.lists for select to authenticated
  using (user_id = (select auth.uid()));

create policy "Owners create lists"
  on public.lists for insert to authenticated
  with check (user_id = (select auth.uid()));

create policy "Owners rename their lists"
  on public.lists for update to authenticated
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()));

create policy "Owners delete their lists"
  on public.lists for delete to authenticated
  using (user_id = (select auth.uid()));

create policy "Owners read their todos"
  on public.todos for select to authenticated
  using (user_id = (select auth.uid()));

-- a todo may only go into a list of the same person
create policy "Owners add todos to their lists"
  on public.todos for insert to authenticated
  with check (
    user_id = (select auth.uid())
    and list_id in (select l.id from public.lists l where l.user_id = (select auth.uid()))
  );

create policy "Owners change their todos"
  on public.todos for update to authenticated
  using (user_id = (select auth.uid()))
  with check (
    user_id = (select auth.uid())
    and list_id in (select l.id from public.lists l where l.user_id = (select auth.uid()))
  );

create policy "Owners delete their todos"
  on public.todos for delete to authenticated
  using (user_id = (select auth.uid()));

create trigger lists_set_updated_at
  before update on public.lists
  for each row execute function public.set_updated_at();

create trigger todos_set_updated_at
  before update on public.todos
  for each row execute function public.set_updated_at();
