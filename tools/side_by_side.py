"""Several test runs at the same time, shown so that a person can still read them."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from .processes import clean_env, ended, say

# What a run says from here on (what failed, what was warned of) is only of use in one piece.
_REPORT = re.compile(r"^(?:\x1b\[[0-9;]*m)*=+ (?:ERRORS|FAILURES|warnings summary|short test summary|\d+ \w+.* in )")


class Ran(NamedTuple):
    """How a run ended: its exit code, all it printed, and how long it took."""

    code: int
    output: str
    seconds: float


def room(runs: int) -> dict[str, str]:
    """Surroundings in which `runs` processes share the cores of this machine without spinning for each other."""
    return {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // max(1, runs))), "OMP_WAIT_POLICY": "PASSIVE"}


def run_side_by_side(commands: Mapping[str, Sequence[str]], cwd: Path) -> dict[str, Ran]:
    """Run all commands at once; how each of them ended, by its name.

    What they print comes line by line, with the name before it; the report at a run's end is kept together.
    """
    env = {**clean_env(), **room(len(commands))}
    width = max(map(len, commands), default=0)
    printing = threading.Lock()
    ran: dict[str, Ran] = {}

    def follow(name: str, process: "subprocess.Popen[str]") -> None:
        started = time.monotonic()
        lines: list[str] = []
        report: list[str] = []
        assert process.stdout
        for line in process.stdout:
            lines.append(line)
            if report or _REPORT.match(line):
                report.append(line)
                continue
            with printing:
                say(f"{name:<{width}}  {line.rstrip()}")
        code = process.wait()
        with printing:
            say(f"\n{' ' + name + ' ':-^100}")
            say("".join(report))
        ran[name] = Ran(code, "".join(lines), time.monotonic() - started)

    sys.stdout.flush()
    with ExitStack() as stack:
        threads = []
        for name, command in commands.items():
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
            )
            stack.enter_context(ended(process))
            threads.append(threading.Thread(target=follow, args=(name, process)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return {name: ran[name] for name in commands}
