create table public.user_profiles (
  id uuid primary key references auth.users (id) on delete cascade,
  nickname text,
  created_at timestamp
);
