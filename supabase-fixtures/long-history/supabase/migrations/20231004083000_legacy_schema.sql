create schema legacy;
create table public.old_messages (id serial primary key, sender uuid, body text);
create function public.old_unread(who uuid) returns bigint language sql security definer as $$
  select count(*) from old_messages where sender <> who
$$;
alter table public.old_messages set schema legacy;
