insert into auth.users (id, email) values ('ffffffff-0000-4000-8000-000000000001', 'venue@example.com');
insert into public.venues (id, owner_id, name)
values ('ffffffff-0000-4000-8000-0000000000aa', 'ffffffff-0000-4000-8000-000000000001', 'The Old Mill');
insert into public.events (venue_id, title, starts_at, capacity)
values ('ffffffff-0000-4000-8000-0000000000aa', 'Jazz night', '2026-01-10 20:00+00', 80);
