#!/usr/bin/env python3
"""Measure rls-lint on the fixtures and on generated projects.

  python3 benches/bench.py [--runs 5] [--binary target/release/rls-lint] [--json FILE] [NAME ...]

Prints the medians of wall time, CPU time (user and system, all threads) and peak memory, and how the
work is shared between reading, parsing, replaying, checking and reporting. Generated projects lie in
a temporary folder that is removed at the end. A NAME limits the run to the cases that contain it.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "supabase-fixtures"
PHASES = ["read", "parse", "replay", "check", "report"]


def generate(*arguments):
    subprocess.run(
        [sys.executable, str(FIXTURES / "generate.py"), *map(str, arguments)],
        check=True, stdout=subprocess.DEVNULL,
    )


def fixture(name):
    return lambda folder: FIXTURES / name


def history(files):
    def build(folder):
        generate("history", "--files", files, folder)
        return folder
    return build


def dump(megabytes):
    def build(folder):
        migrations = folder / "supabase" / "migrations"
        migrations.mkdir(parents=True)
        (folder / "supabase" / "config.toml").write_text('project_id = "dump"\n')
        generate("dump", "--megabytes", megabytes, migrations / "20250101000000_dump.sql")
        return folder
    return build


def script(sql):
    def build(folder):
        migrations = folder / "supabase" / "migrations"
        migrations.mkdir(parents=True)
        (folder / "supabase" / "config.toml").write_text('project_id = "chain"\n')
        (migrations / "20250101000000_chain.sql").write_text("\n".join(sql))
        return folder
    return build


def chained_policies(tables, whole):
    """Tables whose policies each read the table before, in one chain of that many tables after the other."""
    for at in range(tables):
        yield f"create table t{at} (id int primary key, up int, owner uuid);"
        yield f"alter table t{at} enable row level security;"
        condition = f"exists (select 1 from t{at - 1} b where b.id = up)" if at % whole else "owner = (select auth.uid())"
        yield f"create policy p on t{at} for select to authenticated using ({condition});"


def chained_views(views):
    yield "create table t (id int primary key, a text);"
    for at in range(views):
        yield f"create view v{at} as select id, a from {f'v{at - 1}' if at else 't'};"


def chained_functions(functions, security):
    """Functions that each call the one before, and a policy that calls the last."""
    yield "create table t (id int primary key, owner uuid);"
    yield "alter table t enable row level security;"
    for at in range(functions):
        body = f"select f{at - 1}(x)" if at else "select exists (select from t where id = x)"
        yield f"create function f{at}(x int) returns boolean language sql stable {security} as $$ {body} $$;"
    yield f"create policy p on t for delete using (f{functions - 1}(id));"


def seed(megabytes):
    def build(folder):
        generate("history", "--files", 1, folder)
        generate("seed", "--megabytes", megabytes, folder / "supabase" / "seed.sql")
        return folder
    return build


def cases():
    for path in sorted(FIXTURES.iterdir()):
        if path.is_dir():
            yield path.name, fixture(path.name)
    yield "1,000 migrations", history(1_000)
    yield "12 MB of migrations", history(6_000)
    yield "10,000 migrations", history(10_000)
    yield "dump of 1.5 MB", dump(1.5)
    yield "seed of 50 MB", seed(50)
    yield "chain of policies", script(chained_policies(400, whole=400))
    yield "chains of policies", script(chained_policies(400, whole=10))
    yield "chain of views", script(chained_views(3_000))
    yield "chain of functions", script(chained_functions(3_000, "security invoker"))
    yield "chain of definers", script(chained_functions(3_000, "security definer"))


def run(binary, project):
    """One run: wall and CPU seconds, peak memory in MB, milliseconds by phase.

    The peak is never less than this script's own memory, which the child starts with.
    """
    command = [str(binary), "check", str(project), "--format", "concise", "--fail-on", "never", "--timings"]
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        text = errors.read().decode(errors="replace")
    if child.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)} ended with {child.returncode}:\n{text}")
    phases = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 3 and words[0] in PHASES and words[2] == "ms":
            phases[words[0]] = float(words[1])
    peak = usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": peak, "phases": phases}


def measure(binary, project, runs):
    run(binary, project)
    results = [run(binary, project) for _ in range(runs)]
    middle = lambda key: statistics.median(result[key] for result in results)
    phases = {
        phase: statistics.median(result["phases"].get(phase, 0.0) for result in results) for phase in PHASES
    }
    return {"wall": middle("wall"), "cpu": middle("cpu"), "peak": middle("peak"), "phases": phases}


def show(name, result):
    total = sum(result["phases"].values())
    shares = "".join(
        f"{100 * result['phases'][phase] / total:>7.0f}%" if total else f"{'-':>8}" for phase in PHASES
    )
    print(
        f"{name:<20}{1e3 * result['wall']:>9.1f}{1e3 * result['cpu']:>9.1f}{result['peak']:>9.1f}{shares}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target" / "release" / "rls-lint")
    parser.add_argument("--json", type=pathlib.Path, help="also write the medians to a file")
    arguments = parser.parse_args()
    if not arguments.binary.exists():
        sys.exit(f"{arguments.binary} is missing: run cargo build --release")

    print(f"{'medians':<20}{'wall ms':>9}{'CPU ms':>9}{'peak MB':>9}" + "".join(f"{p:>8}" for p in PHASES))
    results = {}
    for name, build in cases():
        if arguments.names and not any(part in name for part in arguments.names):
            continue
        with tempfile.TemporaryDirectory(prefix="rls-lint-bench-") as folder:
            project = build(pathlib.Path(folder))
            results[name] = measure(arguments.binary, project, arguments.runs)
        show(name, results[name])

    small, large = results.get("1,000 migrations"), results.get("10,000 migrations")
    if small and large:
        print(f"\n10,000 migrations cost {large['cpu'] / small['cpu']:.1f} times the CPU of 1,000.")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
