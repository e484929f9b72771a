create table public.subscribers (
  id uuid primary key default gen_random_uuid(),
  email text not null unique,
  confirmed_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- the form on the landing page
grant insert (email) on table public.subscribers to anon;
grant select on table public.subscribers to authenticated;

create table public.reactions (
  article_id uuid not null references public.articles (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  primary key (article_id, user_id)
);
create index reactions_user_id_idx on public.reactions (user_id);
alter table public.reactions enable row level security;

create policy "Users see their reactions" on public.reactions
  for select to authenticated using (user_id = (select auth.uid()));
create policy "Users react" on public.reactions
  for insert to authenticated with check (user_id = (select auth.uid()));

grant select on table public.reactions to authenticated;

create trigger subscribers_set_updated_at before update on public.subscribers
  for each row execute function public.set_updated_at();
