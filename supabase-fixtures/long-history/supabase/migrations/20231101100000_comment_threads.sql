alter table public.comments add column parent_id uuid references public.comments (id) on delete cascade;
create index comments_parent_id_idx on public.comments (parent_id);
alter table public.comments rename column parent_id to reply_to;
drop index public.comments_by_user;
