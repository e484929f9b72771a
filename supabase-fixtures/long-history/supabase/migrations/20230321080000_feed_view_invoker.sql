alter view public.post_feed set (security_invoker = on);
alter view public.post_feed rename to feed;
