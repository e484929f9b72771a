create policy admins_read on public.admins for select to authenticated
  using ((select public.is_admin()));
