"""What is kept of runs: the newest of each measurement, on one machine, in `results.json`; `RESULTS.md` is its text."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .. import __version__
from .report import Goal, Section, Table, goals_table, write

HOW_TO_READ = """\
`python3 run.py bench` measures all of this on your machine and writes this file; `python3 run.py bench NAME …` measures
some of it anew and leaves the rest. Everything here is from one machine. Where things are compared they took turns in
one run, and each ratio is between two of the same turn. Numbers are medians; in brackets, how far the middle 80 % of
the repetitions lie apart."""


@dataclass(frozen=True)
class Kept:
    """One measurement as it is kept: its text and goals, what was measured when, and how busy the machine was then."""

    markdown: str
    version: str
    begun: str
    load: str
    goals: Sequence[Goal] = field(default=())

    @classmethod
    def of(cls, section: Section, begun: str, load: str) -> Kept:
        return cls(section.markdown(), __version__, begun, load, tuple(section.goals))

    def when(self) -> str:
        """When it was measured, in a sentence."""
        return f"Begun {self.begun} with LoRA Mixer {self.version}" + (
            f", at a load of {self.load}." if self.load else "."
        )


class AnotherMachine(ValueError):
    """Numbers of two machines, or of other versions, do not belong side by side."""


class Results:
    """All that is kept, and where."""

    def __init__(self, path: Path, order: Sequence[str], usual: Collection[str] | None = None) -> None:
        """
        Args:
            path: the text, `RESULTS.md`; the data lies beside it as `results.json`.
            order: the names of all measurements, as they are to stand in the text.
            usual: those that a whole run has; all if not given.
        """
        self.path, self.order, self._usual = path, order, frozenset(order if usual is None else usual)
        self.data = path.with_name("results.json")

    def keep(self, new: Mapping[str, Kept], machine: Table) -> None:
        """Puts these in the place of older ones of the same name. A whole run on another machine forgets all others.

        Raises:
            AnotherMachine: some of it alone, where what else is kept is from another machine or other versions.
        """
        rows = [list(row) for row in machine.rows]
        before, of = self._read()
        if of != rows and self._usual <= set(new):
            before = {}
        if before and of != rows:
            other = ", ".join(f"{name} {value}" for name, value in of if [name, value] not in rows)
            raise AnotherMachine(
                f"what {self.path.name} holds is from another machine or other versions ({other}): measure everything, "
                "or keep this elsewhere with --out FILE"
            )
        kept = {name: {**before, **new}[name] for name in self.order if name in before or name in new}
        data = {"machine": rows, "measurements": {name: asdict(one) for name, one in kept.items()}}
        write(self.data, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
        write(self.path, text(kept, machine, [name for name in self.order if name not in kept]))

    def _read(self) -> tuple[dict[str, Kept], list[list[str]]]:
        if not self.data.is_file():
            return {}, []
        data: dict[str, Any] = json.loads(self.data.read_text(encoding="utf-8"))
        kept = {
            name: Kept(**{**one, "goals": tuple(Goal(**goal) for goal in one["goals"])})
            for name, one in data["measurements"].items()
        }
        return kept, data["machine"]


def text(kept: Mapping[str, Kept], machine: Table, missing: Sequence[str] = ()) -> str:
    """The tables of these measurements as Markdown, their goals first."""
    goals = goals_table([goal for one in kept.values() for goal in one.goals]).markdown()
    parts = ["# Measured", HOW_TO_READ, machine.markdown(), "## Goals", goals]
    for one in kept.values():
        parts += [one.markdown, f"*{one.when()}*"]
    if missing:
        parts += ["## Not measured here", f"{', '.join(missing)}: `python3 run.py bench NAME …` measures them."]
    return "\n\n".join(parts) + "\n"
