create type public.post_state as enum ('new', 'live', 'gone');
alter table public.posts add column state public.post_state not null default 'new';
create index posts_by_user on public.posts (user_id);
create index comments_by_user on public.comments (user_id);
create index comments_by_post on public.comments (post_id);
