create function public.set_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end;
$$;

create table public.articles (
  id uuid primary key default gen_random_uuid(),
  author_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  body text not null default '',
  is_published boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index articles_author_id_idx on public.articles (author_id);
alter table public.articles enable row level security;

grant select on table public.articles to anon;
grant select, insert, update, delete on table public.articles to authenticated;
grant select, insert, update, delete on table public.articles to service_role;

create policy "Visitors read published articles" on public.articles
  for select to anon using (is_published);
create policy "Users read published articles and their own" on public.articles
  for select to authenticated using (is_published or author_id = (select auth.uid()));
create policy "Authors add articles" on public.articles
  for insert to authenticated with check (author_id = (select auth.uid()));
create policy "Authors edit articles" on public.articles
  for update to authenticated
  using (author_id = (select auth.uid())) with check (author_id = (select auth.uid()));
create policy "Authors delete articles" on public.articles
  for delete to authenticated using (author_id = (select auth.uid()));

create trigger articles_set_updated_at before update on public.articles
  for each row execute function public.set_updated_at();
