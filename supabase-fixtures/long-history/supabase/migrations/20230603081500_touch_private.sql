alter function public.touch() rename to touch_updated_at;
alter function public.touch_updated_at() set schema internal;
alter function internal.touch_updated_at() set search_path = '';
