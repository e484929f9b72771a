alter table public.posts disable row level security;
alter table public.comments disable row level security;
