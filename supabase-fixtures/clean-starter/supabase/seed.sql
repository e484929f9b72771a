-- Local demo data. The profile rows are made by the trigger on auth.users.
insert into auth.users (id, email, raw_user_meta_data, created_at, updated_at)
values
  ('11111111-1111-4111-8111-111111111111', 'ada@example.com', '{"full_name": "Ada"}', now(), now()),
  ('22222222-2222-4222-8222-222222222222', 'linus@example.com', '{"full_name": "Linus"}', now(), now())
on conflict (id) do nothing;

insert into public.lists (id, user_id, title)
values ('33333333-3333-4333-8333-333333333333', '11111111-1111-4111-8111-111111111111', 'Groceries')
on conflict (id) do nothing;

insert into public.todos (user_id, list_id, task)
values
  ('11111111-1111-4111-8111-111111111111', '33333333-3333-4333-8333-333333333333', 'Buy oat milk'),
  ('11111111-1111-4111-8111-111111111111', '33333333-3333-4333-8333-333333333333', 'Don''t forget the bread');
