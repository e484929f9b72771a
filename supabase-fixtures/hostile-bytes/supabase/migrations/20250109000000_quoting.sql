create table public."größe; drop" (
  id uuid primary key default gen_random_uuid(),
  "ключ" text not null default E'it\'s; -- no comment',
  "say ""hi""" text not null default U&'\0061; b',
  "日本語" text not null default $q$ $$ ; ' $q$,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
alter table public."größe; drop" enable row level security;
create policy "🔒 only mine 🔑" on public."größe; drop" for select to authenticated using ("ключ" = (select auth.uid())::text);
/* 🙂🙂🙂 */ create policy "after 🙂" on public."größe; drop" for update to authenticated using (auth.uid()::text = "ключ");
