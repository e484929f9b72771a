insert into public.outbox (topic, payload) values ('welcome', '{"to": "demo@example.com"}');
