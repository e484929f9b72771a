insert into public.jobs (kind) values ('nightly-export');
