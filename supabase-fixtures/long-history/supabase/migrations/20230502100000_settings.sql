create table public.app_settings (
  key text primary key,
  value text,
  updated_at timestamp default now()
);
