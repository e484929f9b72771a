insert into storage.buckets (id, name, public)
values ('posters', 'posters', true), ('tickets', 'tickets', false)
on conflict (id) do nothing;
