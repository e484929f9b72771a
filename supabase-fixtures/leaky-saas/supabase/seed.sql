insert into auth.users (id, email) values ('aaaaaaaa-0000-4000-8000-000000000001', 'founder@example.com');
insert into public.projects (name, created_by, is_public) values ('Launch', 'aaaaaaaa-0000-4000-8000-000000000001', true);

-- quick fix from the demo, never made it into a migration
create table if not exists public.feature_flags (name text primary key, enabled boolean not null default false);
insert into public.feature_flags values ('new_billing', true);
