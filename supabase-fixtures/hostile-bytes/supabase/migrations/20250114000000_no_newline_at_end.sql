create table public.no_newline (
  id uuid primary key default gen_random_uuid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.no_newline is 'the file ends with its semicolon';