drop schema legacy cascade;
drop function public.old_unread(uuid);
