-- size and type are needed; nothing of value is in there yet
drop table public.attachments;
create table public.attachments (
  id uuid primary key default gen_random_uuid(),
  post_id bigint not null references public.posts (id) on delete cascade,
  path text not null,
  bytes bigint not null,
  mime_type text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index attachments_post_id_idx on public.attachments (post_id);
create trigger touch before update on public.attachments
  for each row execute function internal.touch_updated_at();
