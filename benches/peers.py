#!/usr/bin/env python3
"""Measure rls-lint beside squawk, and above the floor: the same files parsed and nothing else.

  pip install squawk-cli
  cargo build --release --example parse-only --bin rls-lint
  python3 benches/peers.py [--runs 7] [--squawk PROGRAM] [FOLDER ...]

Each FOLDER holds migrations; without one, those of the fixtures and a generated history of 1,000 are
taken. All three programs read the same files, one after the other, several times in turn; medians of CPU
(user and system, all threads) and wall time are printed, and squawk's as 1.00. Both write JSON; rls-lint
runs with the recommended rule-set.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from bench import FIXTURES, ROOT, generate

RELEASE = ROOT / "target" / "release"


def run(command):
    """Seconds of CPU and of wall time."""
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 1):
        sys.exit(f"{command[0]} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime, wall


def measure(folder, squawk, runs):
    files = sorted(str(path) for path in folder.glob("*.sql"))
    size = sum(os.path.getsize(path) for path in files) / 1e6
    commands = {
        # Its default form draws excerpts, which takes it twice the time and more.
        "squawk": [squawk, "--reporter", "json", *files],
        "rls-lint": [str(RELEASE / "rls-lint"), str(folder), "--format", "json", "--fail-on", "never"],
        "floor": [str(RELEASE / "examples" / "parse-only"), *files],
    }
    times = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, command in commands.items():
            times[name].append(run(command))
    middle = {
        name: [statistics.median(time[at] for time in measured[1:]) for at in (0, 1)]
        for name, measured in times.items()
    }
    return len(files), size, middle


def line(name, files, size, middle):
    squawk, ours, floor = middle["squawk"], middle["rls-lint"], middle["floor"]
    milliseconds = "".join(f"{1e3 * value:>9.1f}" for value in (*squawk, *ours, *floor))
    print(
        f"{name[-40:]:<40}{files:>7,}{size:>8.2f}{milliseconds}"
        f"{ours[0] / squawk[0]:>9.2f}{ours[1] / squawk[1]:>7.2f}",
        flush=True,
    )


def folders(named, scratch):
    if named:
        return [folder.resolve() for folder in named]
    history = scratch / "generated"
    generate("history", "--files", 1_000, history)
    return [*sorted(FIXTURES.glob("**/migrations")), history / "supabase" / "migrations"]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--squawk", default="squawk")
    arguments = parser.parse_args()
    squawk = shutil.which(arguments.squawk)
    if squawk is None:
        sys.exit(f"{arguments.squawk} is missing: pip install squawk-cli")

    heads = ["squawk", "", "rls-lint", "", "floor", ""]
    print(f"{'':<55}" + "".join(f"{head:>9}" for head in heads) + f"{'ratio':>9}")
    units = "".join(f"{unit:>9}" for unit in ["CPU ms", "wall ms"] * 3)
    print(f"{'':<40}{'files':>7}{'MB':>8}{units}{'CPU':>9}{'wall':>7}")
    with tempfile.TemporaryDirectory(prefix="rls-lint-bench-") as scratch:
        total = {name: [0.0, 0.0] for name in ("squawk", "rls-lint", "floor")}
        sizes = [0, 0.0]
        for folder in folders(arguments.folders, pathlib.Path(scratch)):
            files, size, middle = measure(folder, squawk, arguments.runs)
            if files == 0:
                continue
            line("/".join(part for part in folder.parts if part not in ("supabase", "migrations")), files, size, middle)
            sizes = [sizes[0] + files, sizes[1] + size]
            for name, values in middle.items():
                total[name] = [sum(pair) for pair in zip(total[name], values)]
        line("all", *sizes, total)


if __name__ == "__main__":
    main()
