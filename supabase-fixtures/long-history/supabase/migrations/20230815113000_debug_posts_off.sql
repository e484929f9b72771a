alter table public.posts enable row level security;
do $$
declare
  t text;
begin
  foreach t in array array['comments'] loop
    execute format('alter table public.%I enable row level security', t);
  end loop;
end
$$;
