create table public.before_dollar (
  id uuid primary key default gen_random_uuid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create function public.half_pasted() returns void language plpgsql as $body$
begin
  perform 1;
end;
$$;
