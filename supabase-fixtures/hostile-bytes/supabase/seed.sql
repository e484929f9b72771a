insert into public.bom_first default values;
