#!/usr/bin/env python3
"""Measure what the interpretation of DO blocks costs, as a share of the time that parsing takes.

  python3 benches/blocks.py [--files 1000] [--runs 5] [--binary target/release/rls-lint]

Generates a history in which all but the tables is done in DO blocks (guards that ask the system
catalogs, exception handlers, loops, EXECUTE), and one of the same statements written out. The replay of the first
takes longer than that of the second by what the blocks cost. Both run on one thread, so that the
phases do not overlap; medians are compared.
"""

import argparse
import os
import pathlib
import tempfile

import bench

PLAIN = """
create type public.state_{n} as enum ('open', 'done');
create table public.items_{n} (id bigint primary key, owner uuid, title text, state public.state_{n});
alter table public.items_{n} enable row level security;
create policy "own" on public.items_{n} for select to authenticated using (owner = (select auth.uid()));
alter table public.items_{n} add constraint title_{n} check (length(title) < 200);
create index items_{n}_owner on public.items_{n} (owner);
revoke all on public.items_{n} from anon;
revoke all on public.items_{n} from authenticated;
alter table public.items_{n} add column note text;
"""

BLOCKS = """
do $$ begin
  create type public.state_{n} as enum ('open', 'done');
exception when duplicate_object then null;
end $$;
create table public.items_{n} (id bigint primary key, owner uuid, title text, state public.state_{n});
do $$ begin
  if not exists (select 1 from pg_policies where schemaname = 'public' and tablename = 'items_{n}' and policyname = 'own') then
    alter table public.items_{n} enable row level security;
    create policy "own" on public.items_{n} for select to authenticated using (owner = (select auth.uid()));
  end if;
end $$;
do $$ begin
  if not exists (select 1 from pg_constraint where conname = 'title_{n}') then
    alter table public.items_{n} add constraint title_{n} check (length(title) < 200);
  end if;
end $$;
do $$ begin
  if to_regclass('public.items_{n}') is not null then
    create index items_{n}_owner on public.items_{n} (owner);
  end if;
end $$;
do $$
declare who text;
begin
  foreach who in array array['anon', 'authenticated'] loop
    execute format('revoke all on public.%I from %I', 'items_{n}', who);
  end loop;
end $$;
do $$ begin
  if not exists (select 1 from information_schema.columns
                 where table_schema = 'public' and table_name = 'items_{n}' and column_name = 'note') then
    alter table public.items_{n} add column note text;
  end if;
end $$;
"""


def write(folder, text, files):
    migrations = folder / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    (folder / "supabase" / "config.toml").write_text('project_id = "blocks"\n')
    for n in range(files):
        (migrations / f"{20250101000000 + n}_items.sql").write_text(text.replace("{n}", str(n)))
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--binary", type=pathlib.Path, default=bench.ROOT / "target/release/rls-lint")
    arguments = parser.parse_args()
    os.environ["RAYON_NUM_THREADS"] = "1"
    phases = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, text in [("blocks", BLOCKS), ("plain", PLAIN)]:
            project = write(pathlib.Path(folder) / name, text, arguments.files)
            phases[name] = bench.measure(arguments.binary, project, arguments.runs)["phases"]
            print(f"{name:7} parse {phases[name]['parse']:8.1f} ms, replay {phases[name]['replay']:8.1f} ms")
    cost = phases["blocks"]["replay"] - phases["plain"]["replay"]
    print(f"the blocks cost {cost:.1f} ms of the replay, {100 * cost / phases['blocks']['parse']:.0f} % of the time to parse them")


if __name__ == "__main__":
    main()
