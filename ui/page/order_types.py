"""The orders of all rooms as types for the page's script: `python3 run.py page` writes `orders.d.ts`.

So the page cannot order what Python does not know, nor say it in another way: `tsc` holds one against the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..adapters import orders as adapters
from ..chat import answer_twice_wires
from ..desk import fader_board
from ..lab import compare_page
from ..lab import orders as lab
from ..votes import votes
from . import report
from .orders import Orders

PATH = Path(__file__).with_name("orders.d.ts")
#: The tables, by the names of their types.
TABLES: dict[str, Sequence[Orders]] = {
    "DeskOrder": [fader_board.ORDERS],
    "JobOrder": [adapters.ORDERS],
    "JobStart": [adapters.JOBS],
    "LabOrder": [lab.ORDERS],
    "LabUse": [lab.USES],
    "LabStart": [compare_page.STARTS],
    "LabDraw": [compare_page.DRAWS],
    "LabTell": [compare_page.TELLS],
    "VotesOrder": [votes.ORDERS],
    "VotesStart": [votes.BEGINNINGS],
    "TwiceOrder": [answer_twice_wires.ORDERS],
    "TwicePick": [answer_twice_wires.PICKS],
    "ReportOrder": [report.ORDERS],
}
_HEAD = """/*
 * What the page may order of Python: made of Python's own tables (ui/page/order_types.py). `python3 run.py page` writes
 * it anew.
 */

import type { Panel } from "./messages.js";
"""
_PLAIN = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}


def main(argv: Sequence[str]) -> int:
    """Writes the types anew."""
    PATH.write_text(types(), encoding="utf-8", newline="\n")
    return 0


def types() -> str:
    """The file's text."""
    unions = [
        "\n  | ".join([f"export type {name} =", *(one for table in tables for one in _messages(table))]) + ";\n"
        for name, tables in TABLES.items()
    ]
    return "\n".join([_HEAD, *unions])


def _messages(table: Orders) -> Iterator[str]:
    for name, order in table.table.items():
        schema = order.takes.model_json_schema()
        needed = schema.get("required", ())
        own = [
            f"{field}{'' if field in needed else '?'}: {_type(kind)}"
            for field, kind in schema.get("properties", {}).items()
            if not (table.always and field in table.always.takes.model_fields)
        ]
        yield "{ " + "; ".join([f'do: "{name}"', *own]) + " }"


def _type(kind: Mapping[str, Any]) -> str:
    if "named" in kind:
        return str(kind["named"])
    if "anyOf" in kind:
        return " | ".join(_type(one) for one in kind["anyOf"])
    if "enum" in kind:
        return " | ".join(f'"{value}"' for value in kind["enum"])
    if "const" in kind:
        return f'"{kind["const"]}"'
    if kind.get("type") == "array":
        return f"Array<{_type(kind['items'])}>"
    if kind.get("type") == "object":
        return f"Record<string, {_type(kind['additionalProperties'])}>"
    return _PLAIN.get(kind.get("type", ""), "unknown")
