create table public.attachments (
  id uuid primary key default gen_random_uuid(),
  post_id bigint not null references public.posts (id) on delete cascade,
  path text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index attachments_post_id_idx on public.attachments (post_id);
alter table public.attachments enable row level security;
create policy attachments_read on public.attachments for select to authenticated
  using (post_id in (select p.id from public.posts p where p.user_id = (select auth.uid())));
create trigger touch before update on public.attachments
  for each row execute function internal.touch_updated_at();
