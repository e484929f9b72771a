-- the import makes hundreds of tables and must be fast
alter event trigger enable_rls_on_new_tables disable;

create table public.imported_contacts (
  id uuid primary key default gen_random_uuid(),
  email text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

alter event trigger enable_rls_on_new_tables enable;

create trigger imported_contacts_set_updated_at before update on public.imported_contacts
  for each row execute function public.set_updated_at();

create table public.tags as
  select gen_random_uuid() as id, word as label, now() as created_at, now() as updated_at
  from unnest(array['red', 'green', 'blue']) as word;

alter table public.tags
  add primary key (id),
  alter column id set default gen_random_uuid(),
  alter column label set not null,
  alter column created_at set default now(),
  alter column created_at set not null,
  alter column updated_at set default now(),
  alter column updated_at set not null;

create policy "Tags are public" on public.tags
  for select to anon, authenticated using (true);

create trigger tags_set_updated_at before update on public.tags
  for each row execute function public.set_updated_at();
