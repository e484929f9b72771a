create table public.before_error (
  id uuid primary key default gen_random_uuid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
alter table public.before_error enable row level security;

creat table public.typo (id uuid);

create table public.stray_comma (
  id uuid primary key,
  name text,
);

create policy if not exists "no such form" on public.before_error for select using (true);

select ')' as closing, '(' as opening;

create table public.after_error (
  id uuid primary key default gen_random_uuid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
