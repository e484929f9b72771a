insert into auth.users (id, email) values ('cccccccc-0000-4000-8000-000000000001', 'writer@example.com');
insert into public.profiles (id, nickname) values ('cccccccc-0000-4000-8000-000000000001', 'writer');
insert into public.posts (user_id, title, state) values ('cccccccc-0000-4000-8000-000000000001', 'Hello', 'live');
insert into internal.settings (key, value) values ('motd', 'welcome');
