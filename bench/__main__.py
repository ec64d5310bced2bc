"""`python3 run.py bench`: measures, prints the tables while it does, and keeps them in `RESULTS.md`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path

from ..tools.vllm import SERVER
from .kept import AnotherMachine, Kept, Results, text
from .machine import busy, load, machine
from .report import Section, goals_table, write
from .workshop import ROOT, Workshop, quietly

#: The measurements by name, and the function of each; those that need most of the machine come first, the longest last.
MEASUREMENTS = {
    "apply": "applying.measure",
    "find": "finding.measure",
    "page": "page.measure",
    "start": "starting.measure",
    "generate": "generating.measure",
    "loudness": "loudness.measure",
    "impact": "impact.measure",
    "spectrum": "spectrum.measure",
    "resized": "resized.measure",
    "ranks": "ranks.measure",
    "learn": "learning.measure",
    "learned": "truth.measure",
    "bake": "baking.measure",
    "llama": "llama.measure",
    "desks": "many_desks.measure",
    "vllm": "vllm.measure",
    "columns-float32": "columns.float32",
    "columns-bfloat16": "columns.bfloat16",
    "columns-page": "page_columns.measure",
}
RESULTS = ROOT / "bench" / "RESULTS.md"

SMOKE = "**A quick run, which only sees whether everything works: its numbers mean little.**"


def main(argv: list[str]) -> int:
    """Runs what is asked for; returns 1 when a measurement could not be made or kept, 0 otherwise, goals met or not."""
    options = _parser().parse_args(argv)
    usual = [name for name in MEASUREMENTS if name != "vllm" or SERVER in os.environ]
    names = [name for name in MEASUREMENTS if name in options.names] or usual
    began = time.monotonic()
    print("\n\n".join(["# Measured", *([SMOKE] if options.quick else []), machine().markdown()]), flush=True)
    if busy():
        print("\n… other things keep this machine busy: expect noise", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="lora-mixer-bench-", ignore_cleanup_errors=True) as scratch, quietly():
        shop = Workshop(options.quick, Path(scratch))
        done = {name: _measured(name, shop) for name in names}
    measured = {name: kept for name, kept in done.items() if kept is not None}
    goals = goals_table([goal for kept in measured.values() for goal in kept.goals]).markdown()
    print(f"\n## Goals\n\n{goals}\n\nThe run took {(time.monotonic() - began) / 60:.1f} minutes.", flush=True)
    code = _keep(measured, options.quick, options.out) if measured else 1
    if failed := [name for name in names if name not in measured]:
        print(f"\nNot measured: {', '.join(failed)}. What was kept of it stays.", file=sys.stderr)
        return 1
    return code


def _keep(measured: dict[str, Kept], quick: bool, out: Path | None) -> int:
    """Keeps a run in `RESULTS.md`, or where it is asked for; a quick one only there."""
    if out is not None:
        kept = text(measured, machine(), [name for name in MEASUREMENTS if name not in measured])
        write(out, f"{SMOKE}\n\n{kept}" if quick else kept)
    elif quick:
        print("\nNot kept: a quick run's numbers mean little. --out FILE keeps them elsewhere.")
        return 0
    else:
        try:
            Results(RESULTS, list(MEASUREMENTS), set(MEASUREMENTS) - {"vllm"}).keep(measured, machine())
        except AnotherMachine as refused:
            print(f"\nNot kept: {refused}", file=sys.stderr)
            return 1
    print(f"\nKept in {out or RESULTS}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py bench",
        description="Measures on this machine, some thirty minutes; leave it alone meanwhile. What is measured "
        "takes the place of what bench/RESULTS.md held of it.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", type=_known, help=f"only these: {', '.join(MEASUREMENTS)}")
    parser.add_argument("--quick", action="store_true", help="only see whether everything works")
    parser.add_argument("--out", type=Path, metavar="FILE", help="keep the tables here, whatever was measured")
    return parser


def _known(name: str) -> str:
    if name not in MEASUREMENTS:
        raise argparse.ArgumentTypeError(f"there is no {name!r}; choose from {', '.join(MEASUREMENTS)}")
    return name


def _measured(name: str, shop: Workshop) -> Kept | None:
    """One measurement, printed; None when it failed, with the reason printed."""
    module, function = MEASUREMENTS[name].split(".")
    begun, busyness = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"), load()
    try:
        section: Section = getattr(import_module(f".{module}", __package__), function)(shop)
    except Exception:
        print(f"\n## {name} could not be measured\n\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        return None
    print(f"\n{section.markdown()}", flush=True)
    return Kept.of(section, begun, busyness)
