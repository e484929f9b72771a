-- a read-only role for the reporting client; its tokens carry "role": "analyst"
create role analyst nologin noinherit;
grant analyst to authenticator;
grant usage on schema public to analyst;
