create table public.bytes_in_comment (
  id uuid primary key default gen_random_uuid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
alter table public.bytes_in_comment enable row level security;

-- café in Latin-1
/* and ÿþ in a block comment */
insert into public.bytes_in_comment default values;
comment on table public.bytes_in_comment is 'naïve été';
create table public.after_latin1 (
  id uuid primary key default gen_random_uuid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
