alter table public.venues enable row level security;
alter table public.events enable row level security;
alter table public.ticket_sales enable row level security;

create policy "Venues are public" on public.venues
  for select to anon, authenticated using (true);
create policy "Owners keep their venues" on public.venues
  for update to authenticated
  using (owner_id = (select auth.uid())) with check (owner_id = (select auth.uid()));

create policy "Events are public" on public.events
  for select to anon, authenticated using (true);

create policy "Buyers see their tickets" on public.ticket_sales
  for select to authenticated using (buyer_id = (select auth.uid()));

grant select on table public.ticket_sales to analyst;
create policy "Analysts read sales" on public.ticket_sales
  for select to analyst using (true);
