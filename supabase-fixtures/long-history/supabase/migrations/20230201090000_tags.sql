create table public.tags (id serial primary key, label text);
create table public.post_tags (
  post_id bigint references public.posts (id),
  tag_id integer references public.tags (id)
);
