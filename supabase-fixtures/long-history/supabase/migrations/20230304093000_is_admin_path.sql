alter table public.admins enable row level security;
alter function public.is_admin() set search_path = public, pg_temp;
alter function public.is_admin() stable;
revoke all on function public.is_admin() from public, anon;
