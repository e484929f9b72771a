create view public.post_feed as
  select p.id, p.title, p.created_at, u.nickname
  from public.posts p join public.profiles u on u.id = p.user_id;
