drop table public.tags cascade;
drop table if exists public.post_tags;
drop table if exists public.post_tag_links;
