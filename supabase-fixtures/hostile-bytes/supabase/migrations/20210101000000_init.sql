-- older than the CLI accepts under this name: it is skipped
create table public.never_made (
  id uuid primary key default gen_random_uuid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
