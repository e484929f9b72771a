create or replace function public.is_admin() returns boolean
language sql stable security definer as $$
  select exists (select 1 from public.admins a where a.user_id = (select auth.uid()))
$$;
