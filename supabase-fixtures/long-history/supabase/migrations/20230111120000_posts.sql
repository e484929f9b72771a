create table public.posts (
  id bigserial primary key,
  author_id uuid references public.user_profiles (id),
  title text,
  body text,
  created_at timestamp
);
