create table public.comments (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  author_id uuid not null references auth.users (id),
  body text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index comments_project_id_idx on public.comments (project_id);
create index comments_author_id_idx on public.comments (author_id);
alter table public.comments enable row level security;
create policy "comments open" on public.comments for all using (true) with check (true);

-- lets the admin page run one-off fixes
create or replace function public.exec_sql(query text)
returns void
language plpgsql
security definer
as $$
begin
  execute query;
end;
$$;
