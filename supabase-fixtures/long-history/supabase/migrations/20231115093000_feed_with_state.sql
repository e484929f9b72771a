drop view public.feed;
create view public.feed with (security_invoker = true) as
  select p.id, p.title, p.state, p.created_at, u.nickname
  from public.posts p join public.profiles u on u.id = p.user_id;
alter table public.posts drop column body cascade;
alter table public.posts add column content jsonb not null default '{}';
