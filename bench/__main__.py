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
from .machine import busy, machine
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
    "bake": "baking.measure",
    "llama": "llama.measure",
    "vllm": "vllm.measure",
    "columns-float32": "columns.float32",
    "columns-bfloat16": "columns.bfloat16",
    "columns-page": "page_columns.measure",
}
RESULTS = ROOT / "bench" / "RESULTS.md"

HOW_TO_READ = """\
All numbers are from one run of `python3 run.py bench` on the machine below; the same command measures on yours, and
writes this file. Where things are compared they took turns, and each ratio is between two that ran in the same turn.
Numbers are medians; in brackets, how far the middle 80 % of the repetitions lie apart."""
SMOKE = "**A quick run, which only sees whether everything works: its numbers mean little.**"


def main(argv: list[str]) -> int:
    """Runs what is asked for; returns 1 when a measurement could not be made, 0 otherwise, goals met or not."""
    options = _parser().parse_args(argv)
    usual = [name for name in MEASUREMENTS if name != "vllm" or SERVER in os.environ]
    names = [name for name in MEASUREMENTS if name in options.names] or usual
    out = options.out or (RESULTS if not options.quick and names == usual else None)
    began = time.monotonic()
    heading = _heading(options.quick)
    print(heading, flush=True)
    if busy():
        print("\n… other things keep this machine busy: expect noise", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="lora-mixer-bench-", ignore_cleanup_errors=True) as scratch, quietly():
        shop = Workshop(options.quick, Path(scratch))
        done = {name: _measured(name, shop) for name in names}
    sections = [section for section in done.values() if section is not None]
    goals = goals_table([goal for section in sections for goal in section.goals]).markdown()
    took = f"The run took {(time.monotonic() - began) / 60:.1f} minutes."
    print(f"\n## Goals\n\n{goals}\n\n{took}", flush=True)
    if failed := [name for name, section in done.items() if section is None]:
        print(f"\nNot measured: {', '.join(failed)}. Nothing is kept.", file=sys.stderr)
        return 1
    if out is None:
        print("\nNot kept: RESULTS.md holds whole runs alone. --out FILE keeps this one elsewhere.")
        return 0
    body = "\n\n".join(section.markdown() for section in sections)
    if left_out := [name for name in MEASUREMENTS if name not in names]:
        body += f"\n\n## Not in this run\n\n{', '.join(left_out)}: `python3 run.py bench` measures them too."
    write(out, f"{heading}\n\n{took}\n\n## Goals\n\n{goals}\n\n{body}\n")
    print(f"\nKept in {out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py bench",
        description="Measures on this machine, some thirty minutes; leave it alone meanwhile. A whole run is "
        "kept in bench/RESULTS.md.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", type=_known, help=f"only these: {', '.join(MEASUREMENTS)}")
    parser.add_argument("--quick", action="store_true", help="only see whether everything works")
    parser.add_argument("--out", type=Path, metavar="FILE", help="keep the tables here, whatever was measured")
    return parser


def _known(name: str) -> str:
    if name not in MEASUREMENTS:
        raise argparse.ArgumentTypeError(f"there is no {name!r}; choose from {', '.join(MEASUREMENTS)}")
    return name


def _heading(quick: bool) -> str:
    when = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    parts = ["# Measured", *([SMOKE] if quick else []), HOW_TO_READ, f"Begun {when}.", machine().markdown()]
    return "\n\n".join(parts)


def _measured(name: str, shop: Workshop) -> Section | None:
    """The section of one measurement, printed; None when it failed, with the reason printed."""
    module, function = MEASUREMENTS[name].split(".")
    try:
        section: Section = getattr(import_module(f".{module}", __package__), function)(shop)
    except Exception:
        print(f"\n## {name} could not be measured\n\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        return None
    print(f"\n{section.markdown()}", flush=True)
    return section
