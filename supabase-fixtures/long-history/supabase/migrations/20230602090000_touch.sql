create function public.touch() returns trigger language plpgsql as $$
begin
  new.updated_at = now();
  return new;
end $$;

create trigger touch before update on public.profiles for each row execute function public.touch();
create trigger touch before update on public.posts for each row execute function public.touch();
create trigger touch before update on public.comments for each row execute function public.touch();
create trigger touch before update on public.admins for each row execute function public.touch();
create trigger touch before update on internal.settings for each row execute function public.touch();
