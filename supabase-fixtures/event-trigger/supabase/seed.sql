insert into public.announcements (body) values ('We are live');
insert into public.pages (slug) values ('about');
