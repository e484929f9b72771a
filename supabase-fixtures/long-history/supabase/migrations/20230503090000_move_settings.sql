create schema app;
alter table public.app_settings set schema app;
alter table app.app_settings rename to settings;
