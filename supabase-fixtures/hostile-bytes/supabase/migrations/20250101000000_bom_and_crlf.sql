-- saved by an editor on Windows
create table public.bom_first (
  id uuid primary key default gen_random_uuid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
alter table public.bom_first enable row level security;
create policy "bom read" on public.bom_first
  for select to authenticated
  using (
    true
  );

create table public.crlf_open (
  id uuid primary key default gen_random_uuid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
