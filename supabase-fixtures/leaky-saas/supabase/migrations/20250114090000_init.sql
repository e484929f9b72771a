create extension if not exists pg_trgm with schema public;

create table public.customers (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid not null references auth.users (id),
  email text not null,
  company text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
alter table public.customers enable row level security;

create policy "Owners manage their customers" on public.customers
  for all to authenticated
  using (owner_id = auth.uid());

create table public.invoices (
  id bigint generated always as identity primary key,
  customer_id uuid not null references public.customers (id),
  amount_cents integer not null,
  status text not null default 'draft',
  created_at timestamp default now()
);
create index invoices_status_idx on public.invoices (status);
alter table public.invoices enable row level security;

create policy "Team can see invoices" on public.invoices
  for all to authenticated using (true);
