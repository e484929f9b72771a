alter table "public"."coupons" enable row level security;

create or replace view public.course_revenue with (security_invoker = true) as
  select e.course_id, count(*) as sales, sum(p.amount_cents) as revenue_cents
  from public.payments p
  join public.enrolments e on e.id = p.enrolment_id
  where p.state = 'paid'
  group by e.course_id;

create table public.waiting_list (
  course_id uuid not null references public.courses (id) on delete cascade,
  email text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (course_id, email)
);

create trigger waiting_list_set_updated_at before update on public.waiting_list
  for each row execute function public.set_updated_at();
