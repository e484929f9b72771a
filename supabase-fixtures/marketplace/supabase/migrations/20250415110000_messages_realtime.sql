create table public.conversations (
  id uuid primary key default gen_random_uuid(),
  listing_id uuid not null references public.listings (id) on delete cascade,
  buyer_id uuid not null references auth.users (id) on delete cascade,
  seller_id uuid not null references public.sellers (id) on delete cascade,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (listing_id, buyer_id)
);

create table public.messages (
  id uuid primary key default gen_random_uuid(),
  conversation_id uuid not null references public.conversations (id) on delete cascade,
  sender_id uuid not null references auth.users (id) on delete cascade,
  body text not null check (char_length(body) <= 4000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create index conversations_buyer_id_idx on public.conversations (buyer_id);
create index conversations_seller_id_idx on public.conversations (seller_id);
create index messages_conversation_id_idx on public.messages (conversation_id, created_at);
create index messages_sender_id_idx on public.messages (sender_id);

alter table public.conversations enable row level security;
alter table public.messages enable row level security;

create policy "Both sides see the conversation" on public.conversations
  for select to authenticated
  using ((select auth.uid()) in (buyer_id, seller_id));
create policy "Buyers start conversations" on public.conversations
  for insert to authenticated
  with check (
    buyer_id = (select auth.uid())
    and exists (
      select 1 from public.listings l
      where l.id = conversations.listing_id and l.seller_id = conversations.seller_id
    )
  );

create policy "Both sides read messages" on public.messages
  for select to authenticated
  using (
    conversation_id in (
      select c.id from public.conversations c
      where c.buyer_id = (select auth.uid()) or c.seller_id = (select auth.uid())
    )
  );
create policy "Both sides write messages" on public.messages
  for insert to authenticated
  with check (
    sender_id = (select auth.uid())
    and conversation_id in (
      select c.id from public.conversations c
      where c.buyer_id = (select auth.uid()) or c.seller_id = (select auth.uid())
    )
  );

create trigger conversations_set_updated_at before update on public.conversations
  for each row execute function public.set_updated_at();
create trigger messages_set_updated_at before update on public.messages
  for each row execute function public.set_updated_at();

alter publication supabase_realtime add table public.messages, public.listings;
