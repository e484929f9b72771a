-- from now on, every new table in public starts with row level security
create schema private;

create function private.enable_rls_on_new_tables()
returns event_trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  made record;
begin
  for made in
    select c.schema_name, c.object_identity
    from pg_event_trigger_ddl_commands() c
    where c.object_type in ('table', 'partitioned table')
  loop
    if made.schema_name = 'public' then
      execute format('alter table %s enable row level security', made.object_identity);
    end if;
  end loop;
end;
$$;

revoke execute on function private.enable_rls_on_new_tables() from public;

create event trigger enable_rls_on_new_tables
  on ddl_command_end
  when tag in ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')
  execute function private.enable_rls_on_new_tables();
