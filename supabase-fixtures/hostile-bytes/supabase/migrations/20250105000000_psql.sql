\restrict abc
\connect postgres
\set ON_ERROR_STOP on

create table public.copied (
  id uuid primary key default gen_random_uuid(),
  a text,
  b text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
alter table public.copied enable row level security;

COPY public.copied (a, b) FROM stdin;
it's	one quote
$$	an opening dollar quote
"	a double quote
/*	a comment that is none
--	nor this
create table public.not_sql ();	drop table public.copied;
\N	a null
back\\slash	tab\tinside
\.

create table public.after_copy (
  id uuid primary key default gen_random_uuid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

\unrestrict abc
