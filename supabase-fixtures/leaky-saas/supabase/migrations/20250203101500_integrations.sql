-- delivery log for outgoing webhooks, written by the worker
create table public.webhook_endpoints (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  url text not null,
  secret_key text not null,
  created_at timestamptz not null default now()
);

create index invoices_by_status on public.invoices (status);

create function public.customer_of_invoice(invoice bigint)
returns text
language sql
stable
security definer
as $$
  select c.email from customers c join invoices i on i.customer_id = c.id where i.id = invoice
$$;
