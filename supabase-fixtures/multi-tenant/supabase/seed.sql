insert into auth.users (id, email, email_confirmed_at) values
  ('dddddddd-0000-4000-8000-000000000001', 'owner@example.com', now()),
  ('dddddddd-0000-4000-8000-000000000002', 'member@example.com', now());
insert into public.orgs (id, name, created_by) values
  ('eeeeeeee-0000-4000-8000-000000000001', 'Acme', 'dddddddd-0000-4000-8000-000000000001');
insert into public.memberships (org_id, user_id, role) values
  ('eeeeeeee-0000-4000-8000-000000000001', 'dddddddd-0000-4000-8000-000000000001', 'owner'),
  ('eeeeeeee-0000-4000-8000-000000000001', 'dddddddd-0000-4000-8000-000000000002', 'member');
insert into public.billing_accounts (org_id, customer_ref) values ('eeeeeeee-0000-4000-8000-000000000001', 'cus_demo');
