-- billing needs a second factor
create table public.billing_accounts (
  org_id uuid primary key references public.orgs (id) on delete cascade,
  customer_ref text not null unique,
  plan text not null default 'free',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
alter table public.billing_accounts enable row level security;

create function private.can_bill(org uuid)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select 1 from public.memberships m
    where m.org_id = org and m.user_id = (select auth.uid()) and m.role = 'owner'
  );
$$;
revoke execute on function private.can_bill(uuid) from public;

create policy "Owners see billing" on public.billing_accounts
  for select to authenticated
  using ((select private.can_bill(org_id)));

create policy "Billing needs a second factor" on public.billing_accounts
  as restrictive for all to authenticated
  using ((select auth.jwt() ->> 'aal') = 'aal2');

create trigger billing_accounts_set_updated_at before update on public.billing_accounts
  for each row execute function private.set_updated_at();
