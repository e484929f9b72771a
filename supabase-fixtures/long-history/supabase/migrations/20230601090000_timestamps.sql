drop view public.feed;

alter table public.profiles
  alter column created_at type timestamptz using created_at at time zone 'utc',
  alter column created_at set default now(),
  add column updated_at timestamptz not null default now();
update public.profiles set created_at = now() where created_at is null;
alter table public.profiles alter column created_at set not null;

alter table public.posts
  alter column created_at type timestamptz using created_at at time zone 'utc',
  alter column created_at set default now(),
  alter column title set not null,
  add column updated_at timestamptz not null default now();
update public.posts set created_at = now() where created_at is null;
alter table public.posts alter column created_at set not null;

alter table public.comments add column updated_at timestamptz not null default now();
alter table public.admins
  add column created_at timestamptz not null default now(),
  add column updated_at timestamptz not null default now();
alter table internal.settings
  alter column updated_at type timestamptz using updated_at at time zone 'utc',
  alter column updated_at set not null,
  add column created_at timestamptz not null default now();

create view public.feed with (security_invoker = on) as
  select p.id, p.title, p.created_at, u.nickname
  from public.posts p join public.profiles u on u.id = p.user_id;
