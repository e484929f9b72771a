insert into auth.users (id, email, raw_user_meta_data)
values ('99999999-0000-4000-8000-000000000001', 'student@example.com', '{"full_name": "Sam"}');
insert into public.coupons (code, percent_off) values ('WELCOME10', 10);
