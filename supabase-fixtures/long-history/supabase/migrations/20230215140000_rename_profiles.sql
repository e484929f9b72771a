alter table public.user_profiles rename to profiles;
alter table public.profiles rename constraint user_profiles_pkey to profiles_pkey;
alter table public.posts rename column author_id to user_id;
