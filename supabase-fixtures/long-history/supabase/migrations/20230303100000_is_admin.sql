create table public.admins (user_id uuid primary key references auth.users (id));

create function public.is_admin() returns boolean
language sql security definer as $$
  select exists (select 1 from admins where user_id = auth.uid())
$$;
