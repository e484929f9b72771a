alter table public.events add column capacity integer;
