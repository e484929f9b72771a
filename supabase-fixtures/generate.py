#!/usr/bin/env python3
"""Write large, valid Supabase SQL for speed and memory tests.

  generate.py dump    --megabytes 1.5 OUT.sql    one file as a schema dump prints it
  generate.py history --files 10000 OUT_DIR      a project with that many migrations of about 2 KB
  generate.py seed    --megabytes 50 OUT.sql     INSERTs: one half in one statement, one half row by row

The same arguments always give the same bytes. The seed fills the table public.readings, which both
the dump and the history create; the other two need nothing but a fresh Supabase database.
A few tables, policies and functions are faulty on purpose, so that a linter has something to say:
see --faults.
"""

import argparse
import datetime
import os
import random
import sys

SUBJECTS = """account address agent appeal asset audit badge banner batch booking branch budget bundle campaign
card carrier channel charge claim client comment contact contract course credit customer deal delivery device
discount document driver event expense feature feed file filter form gift grant guest host image import incident
invoice issue item journal label ledger lesson license listing location log member menu merchant message metric
milestone note notice offer order package page partner payment permit phase photo plan playlist post price product
profile project promo quote rating receipt refund region release reminder rental report request review reward route
sale sample schedule score section segment sensor session shift shipment signal skill slot sponsor staff station
step stock store survey tag task team template tenant ticket topic track trade transfer trip unit upload vendor
venue visit voucher wallet warehouse widget zone""".split()
ASPECTS = """alias archive balance batch category change counter detail draft entry export field flag group history
index item limit line link list mapping mark member note option owner part period plan policy preference process
queue rate record relation result role rule run setting snapshot source stage state stat status step summary tally
target term total type usage value version view""".split()
COLUMNS = [  # name, type, default or None
    ("title", "text", "''::text"), ("description", "text", None), ("amount_cents", "integer", "0"),
    ("quantity", "numeric(12,3)", "1"), ("currency", "character(3)", "'EUR'::bpchar"), ("starts_on", "date", None),
    ("ends_at", "timestamp with time zone", None), ("is_active", "boolean", "true"), ("position", "smallint", "0"),
    ("settings", "jsonb", "'{}'::jsonb"), ("labels", "text[]", "'{}'::text[]"), ("external_ref", "text", None),
    ("weight", "double precision", None), ("latitude", "real", None), ("email", "character varying(255)", None),
    ("phone", "text", None), ("address_line", "text", None), ("postal_code", "character varying(12)", None),
    ("duration", "interval", None), ("checksum", "bytea", None), ("remote_ip", "inet", None),
    ("revision", "bigint", "1"), ("notes", "text", None), ("color", "text", "'#ffffff'::text"),
]
READINGS = ("id bigint", "sensor text", "note text", "payload jsonb")


class Names:
    """Table names that read like table names and never repeat."""

    def __init__(self, rng):
        self.rng = rng
        self.pairs = [(s, a) for s in SUBJECTS for a in ASPECTS if s != a]
        rng.shuffle(self.pairs)
        self.count = 0

    def table(self):
        subject, aspect = self.pairs[self.count % len(self.pairs)]
        lap = self.count // len(self.pairs)
        self.count += 1
        plural = aspect[:-1] + "ies" if aspect.endswith("y") else aspect + ("es" if aspect[-1] in "sxh" else "s")
        return f"{subject}_{plural}" + (f"_{lap + 1}" if lap else "")


def text_columns(rng, low, high):
    return sorted(rng.sample(COLUMNS, rng.randint(low, high)), key=COLUMNS.index)


# ---------------------------------------------------------------------------------------------- dump

class Dump:
    """Collects the parts of a dump by section, as pg_dump orders them."""

    SECTIONS = ("schema", "types", "functions", "tables", "keys", "indexes", "triggers", "foreign keys",
                "policies", "grants")

    def __init__(self, rng, faults):
        self.rng, self.faults = rng, faults
        self.names = Names(rng)
        self.parts = {s: [] for s in self.SECTIONS}
        self.size = 0
        self.tables, self.types, self.fault_count = [], [], 0

    def add(self, section, sql):
        self.parts[section].append(sql)
        self.size += len(sql) + 3

    def faulty(self):
        hit = self.rng.random() < self.faults
        self.fault_count += hit
        return hit

    def head(self):
        self.add("schema", "SET statement_timeout = 0;\nSET lock_timeout = 0;\nSET idle_in_transaction_session_timeout = 0;\n"
                 "SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n"
                 "SELECT pg_catalog.set_config('search_path', '', false);\nSET check_function_bodies = false;\n"
                 "SET xmloption = content;\nSET client_min_messages = warning;\nSET row_security = off;\n")
        self.add("schema", 'COMMENT ON SCHEMA "public" IS \'standard public schema\';\n')
        for name in ("pgcrypto", "uuid-ossp"):
            self.add("schema", f'CREATE EXTENSION IF NOT EXISTS "{name}" WITH SCHEMA "extensions";\n')
        self.function("set_updated_at", "", "trigger", "plpgsql", "",
                      "begin\n  new.updated_at := now();\n  return new;\nend;")
        self.readings()

    def readings(self):
        columns = [f'"{c.split()[0]}" {c.split()[1]} NOT NULL' if c == "id bigint"
                   else f'"{c.split()[0]}" {c.split()[1]}' for c in READINGS]
        self.table_text("readings", columns + self.timestamps())
        self.add("keys", 'ALTER TABLE ONLY "public"."readings"\n    ADD CONSTRAINT "readings_pkey" PRIMARY KEY ("id");\n')
        self.updated_at_trigger("readings")
        self.add("policies", 'ALTER TABLE "public"."readings" ENABLE ROW LEVEL SECURITY;\n')
        self.grant("TABLE", '"public"."readings"')

    @staticmethod
    def timestamps():
        return ['"created_at" timestamp with time zone DEFAULT "now"() NOT NULL',
                '"updated_at" timestamp with time zone DEFAULT "now"() NOT NULL']

    def table_text(self, name, columns):
        self.add("tables", f'CREATE TABLE IF NOT EXISTS "public"."{name}" (\n    ' + ",\n    ".join(columns) + "\n);\n")
        self.add("tables", f'ALTER TABLE "public"."{name}" OWNER TO "postgres";\n')

    def updated_at_trigger(self, name):
        self.add("triggers", f'CREATE OR REPLACE TRIGGER "{name}_set_updated_at" BEFORE UPDATE ON "public"."{name}" '
                 'FOR EACH ROW EXECUTE FUNCTION "public"."set_updated_at"();\n')

    def grant(self, kind, what):
        self.add("grants", "".join(f'GRANT ALL ON {kind} {what} TO "{r}";\n'
                                   for r in ("anon", "authenticated", "service_role")) + "\n")

    def function(self, name, arguments, returns, language, options, body, path=True):
        signature = f'"public"."{name}"({arguments.split(" DEFAULT ")[0]})'
        setting = "\n    SET \"search_path\" TO ''" if path else ""
        self.add("functions", f'CREATE OR REPLACE FUNCTION "public"."{name}"({arguments}) RETURNS {returns}\n    LANGUAGE "{language}"{options}'
                 f"{setting}\n    AS $$\n{body}\n$$;\n")
        self.add("functions", f'ALTER FUNCTION {signature} OWNER TO "postgres";\n')
        self.grant("FUNCTION", signature)

    def type(self):
        name = f"{self.rng.choice(SUBJECTS)}_kind_{len(self.types) + 1}"
        values = self.rng.sample(ASPECTS, 5)
        self.add("types", f'CREATE TYPE "public"."{name}" AS ENUM (\n    '
                 + ",\n    ".join(f"'{v}'" for v in values) + "\n);\n")
        self.add("types", f'ALTER TYPE "public"."{name}" OWNER TO "postgres";\n')
        self.types.append((name, values))

    def table(self):
        rng, name = self.rng, self.names.table()
        if len(self.tables) % 12 == 0:
            self.type()
        columns = ['"id" "uuid" DEFAULT "gen_random_uuid"() NOT NULL', '"owner_id" "uuid" NOT NULL']
        parent = rng.choice(self.tables) if self.tables else None
        if parent:
            columns.append('"parent_id" "uuid"' + rng.choice(("", " NOT NULL")))
        for column, kind, default in text_columns(rng, 4, 10):
            columns.append(f'"{column}" {kind}' + (f" DEFAULT {default} NOT NULL" if default else ""))
        if rng.random() < 0.4:
            kind, values = rng.choice(self.types)
            columns.append(f'"kind" "public"."{kind}" DEFAULT \'{values[0]}\'::"public"."{kind}" NOT NULL')
            columns.append(f'CONSTRAINT "{name}_kind_check" CHECK (("kind" <> \'{values[-1]}\'::"public"."{kind}"))')
        stamps = not self.faulty()
        columns[-1:] = columns[-1:] + (self.timestamps() if stamps else [])
        self.table_text(name, columns)
        if rng.random() < 0.3:
            self.add("tables", f'COMMENT ON TABLE "public"."{name}" IS \'Rows of {name.replace("_", " ")}, kept per owner; '
                     "the owner''s deletion removes them';\n")
        key = f'ALTER TABLE ONLY "public"."{name}"\n    ADD CONSTRAINT '
        self.add("keys", key + f'"{name}_pkey" PRIMARY KEY ("id");\n')
        if not self.faulty():
            self.add("indexes", f'CREATE INDEX "{name}_owner_id_idx" ON "public"."{name}" USING "btree" ("owner_id");\n')
        self.add("foreign keys", key + f'"{name}_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "auth"."users"("id") ON DELETE CASCADE;\n')
        if parent:
            self.add("foreign keys", key + f'"{name}_parent_id_fkey" FOREIGN KEY ("parent_id") REFERENCES "public"."{parent}"("id") ON DELETE CASCADE;\n')
            if not self.faulty():
                self.add("indexes", f'CREATE INDEX "{name}_parent_id_idx" ON "public"."{name}" USING "btree" ("parent_id", "id");\n')
        if stamps:
            self.updated_at_trigger(name)
        own = '("owner_id" = "auth"."uid"())' if self.faulty() else '("owner_id" = ( SELECT "auth"."uid"() AS "uid"))'
        to = f'ON "public"."{name}" FOR '
        label = name.replace("_", " ")
        self.add("policies", f'CREATE POLICY "Owners see {label}" {to}SELECT TO "authenticated" USING ({own});\n')
        self.add("policies", f'CREATE POLICY "Owners add {label}" {to}INSERT TO "authenticated" WITH CHECK ({own});\n')
        self.add("policies", f'CREATE POLICY "Owners change {label}" {to}UPDATE TO "authenticated" USING ({own}) WITH CHECK ({own});\n')
        self.add("policies", f'CREATE POLICY "Owners delete {label}" {to}DELETE TO "authenticated" USING ({own});\n')
        if not self.faulty():
            self.add("policies", f'ALTER TABLE "public"."{name}" ENABLE ROW LEVEL SECURITY;\n')
        self.grant("TABLE", f'"public"."{name}"')
        if rng.random() < 0.3:
            self.function(f"count_{name}", '"minimum" integer DEFAULT 0', "bigint", "sql", " STABLE",
                          f"  select count(*) from public.{name} t\n  where t.owner_id = (select auth.uid())\n"
                          "  having count(*) >= minimum;", path=not self.faulty())
        if rng.random() < 0.2:
            option = "" if self.faulty() else ' WITH ("security_invoker"=\'true\')'
            self.add("tables", f'CREATE OR REPLACE VIEW "public"."{name}_overview"{option} AS\n'
                     f' SELECT "t"."id",\n    "t"."owner_id"\n   FROM "public"."{name}" "t"\n  ORDER BY "t"."id";\n')
            self.add("tables", f'ALTER VIEW "public"."{name}_overview" OWNER TO "postgres";\n')
            self.grant("TABLE", f'"public"."{name}_overview"')
        self.tables.append(name)

    def text(self):
        tail = "".join(f'ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public" GRANT ALL ON {kind} TO "{role}";\n'
                       for kind in ("SEQUENCES", "FUNCTIONS", "TABLES")
                       for role in ("postgres", "anon", "authenticated", "service_role"))
        body = "\n\n".join("\n\n".join(self.parts[s]) for s in self.SECTIONS)
        return f"{body}\n\n{tail}\n\nRESET ALL;\n"


def write_dump(arguments):
    dump = Dump(random.Random(arguments.random_seed), arguments.faults)
    dump.head()
    goal = int(arguments.megabytes * 1_000_000)
    while dump.size < goal - 2500:
        dump.table()
    text = dump.text()
    with open(arguments.out, "w", encoding="utf-8", newline="\n") as out:
        out.write(text)
    return f"{len(text)} bytes, {len(dump.tables) + 1} tables, {dump.fault_count} faults"


# ------------------------------------------------------------------------------------------- history

class Table:
    def __init__(self, name, parent):
        self.name, self.parent = name, parent
        self.columns, self.policies, self.views, self.functions = [], {}, [], []
        self.has_children = self.owner_index = False
        self.pinned = False  # a stored function body holds the name

    @property
    def label(self):
        return self.name.replace("_", " ")


class History:
    """A database that grows by one migration at a time; every step knows what is there."""

    OWN = "owner_id = (select auth.uid())"
    BARE = "owner_id = auth.uid()"

    def __init__(self, rng, faults):
        self.rng, self.faults = rng, faults
        self.names = Names(rng)
        self.tables, self.fault_count, self.serial, self.created = [], 0, 0, 0
        self.steps = [(self.create_table, 22), (self.add_column, 18), (self.replace_policy, 16), (self.add_policy, 6),
                      (self.alter_policy, 8), (self.new_function, 10), (self.replace_function, 6), (self.new_view, 5),
                      (self.add_index, 8), (self.change_column, 8), (self.grants, 6), (self.guarded_policy, 5),
                      (self.rename_policy, 3), (self.rename_table, 2), (self.drop_column, 3), (self.drop_view, 2),
                      (self.drop_table, 1), (self.rows, 4), (self.enum_type, 2), (self.add_check, 6)]

    def faulty(self):
        hit = self.rng.random() < self.faults
        self.fault_count += hit
        return hit

    def next(self):
        self.serial += 1
        return self.serial

    def first(self):
        columns = ",\n  ".join(c + (" primary key" if c == "id bigint" else "") for c in READINGS)
        return f"""create function public.set_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end;
$$;

create table public.readings (
  {columns},
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
alter table public.readings enable row level security;
create trigger readings_set_updated_at before update on public.readings
  for each row execute function public.set_updated_at();

""" + self.create_table()

    def migration(self, size):
        steps, weights = zip(*self.steps)
        text, names = "", []
        while len(text) < size:
            step = self.rng.choices(steps, weights)[0]
            sql = step()
            if sql:
                text += sql.rstrip("\n") + "\n\n"
                names.append(step.__name__)
        return names[0], text.rstrip("\n") + "\n"

    def pick(self):
        """Mostly a recent table, as people work."""
        if self.rng.random() < 0.7:
            return self.rng.choice(self.tables[-60:])
        return self.rng.choice(self.tables)

    def create_table(self):
        rng = self.rng
        parent = self.pick() if self.tables and rng.random() < 0.7 else None
        table = Table(self.names.table(), parent)
        name = table.name
        lines = ["id uuid primary key default gen_random_uuid()",
                 "owner_id uuid not null references auth.users (id) on delete cascade"]
        if parent:
            lines.append(f"{parent.name[:40]}_id uuid references public.{parent.name} (id) on delete cascade")
            parent.has_children = True
        for column, kind, default in text_columns(rng, 2, 6):
            lines.append(f"{column} {kind}" + (f" not null default {default}" if default else ""))
            table.columns.append(column)
        stamps = not self.faulty()
        if stamps:
            lines += ["created_at timestamptz not null default now()", "updated_at timestamptz not null default now()"]
        sql = f"create table public.{name} (\n  " + ",\n  ".join(lines) + "\n);\n"
        if not self.faulty():
            table.owner_index = True
            sql += f"create index {name}_owner_id_idx on public.{name} (owner_id);\n"
        if parent and not self.faulty():
            sql += f"create index {name}_parent_idx on public.{name} ({parent.name[:40]}_id);\n"
        if not self.faulty():
            sql += f"\nalter table public.{name} enable row level security;\n"
        own = self.BARE if self.faulty() else self.OWN
        for verb, command in (("see", "select"), ("add", "insert"), ("change", "update"), ("delete", "delete")):
            sql += "\n" + self.policy(table, f"Owners {verb} {table.label}", command, own)
        if stamps:
            sql += (f"\ncreate trigger {name}_set_updated_at before update on public.{name}\n"
                    "  for each row execute function public.set_updated_at();\n")
        self.tables.append(table)
        self.created += 1
        return sql

    @staticmethod
    def clauses(command, own):
        return {"select": f"using ({own})", "delete": f"using ({own})", "insert": f"with check ({own})",
                "update": f"using ({own}) with check ({own})"}[command]

    def policy(self, table, label, command, own):
        label = label[:60]
        table.policies[label] = command
        return (f'create policy "{label}" on public.{table.name}\n  for {command} to authenticated\n'
                f"  {self.clauses(command, own)};\n")

    def add_column(self):
        sql = ""
        for _ in range(self.rng.randint(1, 3)):
            table = self.pick()
            column, kind, default = self.rng.choice(COLUMNS)
            column = f"{column}_{self.next()}"
            table.columns.append(column)
            sql += f"alter table public.{table.name} add column {column} {kind}" + (f" not null default {default}" if default else "") + ";\n"
            if self.rng.random() < 0.4:
                sql += f"comment on column public.{table.name}.{column} is 'Asked for by the {self.rng.choice(SUBJECTS)} team; see the wiki';\n"
        return sql

    def replace_policy(self):
        table = self.pick()
        if not table.policies:
            return ""
        label = self.rng.choice(list(table.policies))
        command = table.policies.pop(label)
        own = "true" if command == "select" and self.faulty() else self.OWN
        again = self.policy(table, label if self.rng.random() < 0.6 else f"{label[:44]} v{self.next()}", command, own)
        guard = self.rng.choice(("", "if exists "))
        return f'drop policy {guard}"{label}" on public.{table.name};\n{again}'

    def add_policy(self):
        table = self.pick()
        if not self.faulty():  # a restrictive one adds no second permissive policy
            label = f"Known addresses {self.next()}"
            table.policies[label] = "select"
            return (f'create policy "{label}" on public.{table.name}\n  as restrictive for select to authenticated\n'
                    "  using ((select auth.jwt() ->> 'email') is not null);\n")
        return self.policy(table, f"Support sees {table.label[:30]} {self.next()}", "select",
                           "(select auth.jwt() -> 'app_metadata' ->> 'role') = 'support'")

    def alter_policy(self):
        table = self.pick()
        if not table.policies:
            return ""
        label = self.rng.choice(list(table.policies))
        return (f'alter policy "{label}" on public.{table.name}\n  to authenticated\n'
                f"  {self.clauses(table.policies[label], self.OWN)};\n")

    def guarded_policy(self):
        table = self.pick()
        label = f"Owners review {table.label[:30]} {self.next()}"
        sql = self.policy(table, label, "delete", self.OWN).rstrip()
        body = "    " + sql.replace("\n", "\n    ")
        if self.rng.random() < 0.5:
            return f"do $$\nbegin\n{body}\nexception\n  when duplicate_object then null;\nend\n$$;\n"
        return ("do $$\nbegin\n  if not exists (\n    select 1 from pg_policies\n"
                f"    where schemaname = 'public' and tablename = '{table.name}' and policyname = '{label}'\n"
                f"  ) then\n{body}\n  end if;\nend\n$$;\n")

    def rename_policy(self):
        table = self.pick()
        if not table.policies:
            return ""
        label = self.rng.choice(list(table.policies))
        new = f"{label.split(' v')[0][:44]} v{self.next()}"
        table.policies[new] = table.policies.pop(label)
        return f'alter policy "{label}" on public.{table.name} rename to "{new}";\n'

    def function_text(self, table, name, limit):
        path = "" if self.faulty() else "set search_path = ''\n"
        return (f"create or replace function public.{name}(since timestamptz default '-infinity')\nreturns setof uuid\n"
                f"language sql\nstable\n{path}as $$\n  select t.id\n  from public.{table.name} t\n"
                f"  where t.owner_id = (select auth.uid()) and since <= now()\n  order by t.id\n  limit {limit};\n$$;\n")

    def new_function(self):
        table = self.pick()
        table.pinned = True
        if self.rng.random() < 0.5:
            name = f"recent_{table.name[:40]}_{self.next()}"
            table.functions.append(name)
            return (self.function_text(table, name, self.rng.randint(10, 500))
                    + f"revoke execute on function public.{name}(timestamptz) from public, anon;\n")
        name = f"touch_{table.name[:40]}_{self.next()}"
        body = (f"begin\n  if row_id is null then\n    raise exception 'row_id is missing in %', '{name}';\n  end if;\n"
                f"  update public.{table.name} t\n  set owner_id = t.owner_id\n"
                "  where t.id = row_id and t.owner_id = (select auth.uid());\n  return found;\nend;")
        return (f"create function public.{name}(row_id uuid)\nreturns boolean\nlanguage plpgsql\nsecurity definer\n"
                f"set search_path = ''\nas $fn$\n{body}\n$fn$;\n"
                f"revoke execute on function public.{name}(uuid) from public, anon;\n"
                f"grant execute on function public.{name}(uuid) to authenticated;\n")

    def replace_function(self):
        table = self.pick()
        if not table.functions:
            return ""
        return self.function_text(table, self.rng.choice(table.functions), self.rng.randint(10, 500))

    def new_view(self):
        table = self.pick()
        name = f"{table.name[:40]}_view_{self.next()}"
        table.views.append(name)
        option = "" if self.faulty() else "\nwith (security_invoker = true)"
        return (f"create view public.{name}{option} as\n  select t.id, t.owner_id, count(*) over () as total\n"
                f"  from public.{table.name} t\n  where t.id is not null;\n")

    def drop_view(self):
        table = self.pick()
        return f"drop view if exists public.{table.views.pop()};\n" if table.views else ""

    def add_index(self):
        table = self.pick()
        if not table.owner_index:
            table.owner_index = True
            return f"create index if not exists {table.name[:40]}_owner_{self.next()}_idx on public.{table.name} (owner_id);\n"
        if not table.columns:
            return ""
        column = self.rng.choice(table.columns)
        return (f"create index {table.name[:30]}_{self.next()}_idx on public.{table.name} (owner_id, {column})\n"
                f"  where {column} is not null;\n")

    def change_column(self):
        table = self.pick()
        if not table.columns:
            return ""
        column = self.rng.choice(table.columns)
        if self.rng.random() < 0.5:
            new = f"{column.rstrip('0123456789').rstrip('_')}_{self.next()}"
            table.columns[table.columns.index(column)] = new
            return f"alter table public.{table.name} rename column {column} to {new};\n"
        return (f"alter table public.{table.name} alter column {column} set statistics {self.rng.choice((50, 200, 500))};\n"
                f"alter table public.{table.name} alter column {column} drop not null;\n")

    def drop_column(self):
        table = self.pick()
        if len(table.columns) < 3:
            return ""
        column = table.columns.pop(self.rng.randrange(len(table.columns)))
        return f"alter table public.{table.name} drop column if exists {column} cascade;\n"

    def add_check(self):
        table = self.pick()
        return (f"alter table public.{table.name}\n  add constraint {table.name[:40]}_{self.next()}_check\n"
                "  check (id <> owner_id) not valid;\n")

    def grants(self):
        table = self.pick()
        return (f"revoke all on table public.{table.name} from anon;\n"
                f"grant select, insert, update, delete on table public.{table.name} to authenticated, service_role;\n")

    def rename_table(self):
        table = self.pick()
        if table.pinned:
            return ""
        old, table.name = table.name, self.names.table()
        return f"alter table public.{old} rename to {table.name};\n"

    def drop_table(self):
        table = self.pick()
        if table.has_children or len(self.tables) < 100:
            return ""
        self.tables.remove(table)
        return f"drop table public.{table.name} cascade;\n"

    def rows(self):
        table = self.pick()
        lines = ",\n  ".join(f"({self.next()}, '{self.rng.choice(SUBJECTS)}', 'it''s the {self.rng.choice(ASPECTS)}; of {table.label}')"
                             for _ in range(4))
        return f"insert into public.readings (id, sensor, note) values\n  {lines}\non conflict (id) do nothing;\n"

    def enum_type(self):
        table, number = self.pick(), self.next()
        values = self.rng.sample(ASPECTS, 4)
        table.columns.append(f"kind_{number}")
        return (f"create type public.kind_{number} as enum ({', '.join(repr(v) for v in values)});\n"
                f"alter table public.{table.name} add column kind_{number} public.kind_{number} not null default '{values[0]}';\n"
                f"alter type public.kind_{number} rename value '{values[3]}' to 'other';\n")


CONFIG = """project_id = "generated-history"

[api]
enabled = true
schemas = ["public", "graphql_public"]
extra_search_path = ["public", "extensions"]

[db]
major_version = 17
"""


def write_history(arguments):
    history = History(random.Random(arguments.random_seed), arguments.faults)
    folder = os.path.join(arguments.out, "supabase", "migrations")
    os.makedirs(folder, exist_ok=True)
    if os.listdir(folder):
        sys.exit(f"{folder} is not empty")
    with open(os.path.join(arguments.out, "supabase", "config.toml"), "w", encoding="utf-8", newline="\n") as out:
        out.write(CONFIG)
    when, total = datetime.datetime(2022, 1, 3, 9, 0), 0
    for number in range(arguments.files):
        name, text = ("init", history.first()) if number == 0 else history.migration(arguments.bytes)
        path = os.path.join(folder, f"{when:%Y%m%d%H%M%S}_{name}.sql")
        with open(path, "w", encoding="utf-8", newline="\n") as out:
            out.write(text)
        total += len(text)
        when += datetime.timedelta(minutes=history.rng.randint(11, 290))
    return (f"{arguments.files} files, {total} bytes, {history.created} tables made, {len(history.tables) + 1} left, "
            f"{history.fault_count} faults")


# ---------------------------------------------------------------------------------------------- seed

def write_seed(arguments):
    rng = random.Random(arguments.random_seed)
    half, size = int(arguments.megabytes * 500_000), 0
    number = 1_000_000  # the migrations of a history have rows of their own below
    head = "insert into public.readings (id, sensor, note, payload) values"

    def row():
        nonlocal number
        number += 1
        note = rng.choice(("", "ok", "can''t be read; see $$manual$$", "-- not a comment", "/* nor is this", "ünïcode ✓", "a \\ backslash"))
        return (f"({number}, '{rng.choice(SUBJECTS)}-{rng.randrange(10**6):06d}', '{note}', "
                f"'{{\"value\": {rng.random():.6f}, \"tags\": [\"{rng.choice(ASPECTS)}\", \"{rng.choice(ASPECTS)}\"]}}')")

    with open(arguments.out, "w", encoding="utf-8", newline="\n") as out:
        size += out.write(head + "\n")
        first = True
        while size < half:
            size += out.write(("  " if first else ",\n  ") + row())
            first = False
        size += out.write(";\n\n")
        while size < 2 * half:
            size += out.write(f"{head} {row()};\n")
    return f"{size} characters, {number - 1_000_000} rows"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name, action, help):
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(action=action)
        sub.add_argument("--random-seed", type=int, default=1, help="another number gives other names and shapes (default 1)")
        return sub

    dump = command("dump", write_dump, "one file of CREATE statements as a schema dump prints them")
    dump.add_argument("--megabytes", type=float, default=1.5, help="size of the file (default 1.5)")
    history = command("history", write_history, "a project with many small migrations")
    history.add_argument("--files", type=int, default=10000, help="number of migrations (default 10000)")
    history.add_argument("--bytes", type=int, default=1600, help="a file ends after the statement that passes this size "
                         "(default 1600, which makes 2 KB on average)")
    seed = command("seed", write_seed, "INSERT statements for public.readings")
    seed.add_argument("--megabytes", type=float, default=50, help="size of the file (default 50)")
    for sub in (dump, history):
        sub.add_argument("--faults", type=float, default=0.03, metavar="RATE",
                         help="share of places where RLS, an index, a setting is left out (default 0.03; 0 for none)")
    for sub, what in ((dump, "the file to write"), (history, "the folder to write, new or empty"), (seed, "the file to write")):
        sub.add_argument("out", metavar="OUT", help=what)
    arguments = parser.parse_args()
    print(arguments.action(arguments), file=sys.stderr)


if __name__ == "__main__":
    main()
