"""No module imports one that imports it, not even for its types: rooms can be read one after the other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ("lora_ops", "ui", "hosts", "cli", "demo", "bench", "tools")
#: Which room may know which: arrows run one way.
UNKNOWN = {
    "lora_ops": {"ui", "hosts", "cli", "demo", "bench", "tools"},
    "hosts": {"ui", "cli", "bench", "tools"},
    "ui": {"cli", "demo", "bench", "tools"},
    "lora_ops/engines": {"lora_ops/lab", "lora_ops/results", "lora_ops/measure", "lora_ops/bakery", "lora_ops/desk"},
    "lora_ops/results": {"lora_ops/shelf", "lora_ops/measure", "lora_ops/bakery"},
}


def modules() -> dict[str, Path]:
    files = [file for room in HOUSE for file in sorted((ROOT / room).rglob("*.py")) if "node_modules" not in file.parts]
    return {_named(file): file for file in files}


def _named(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return "/".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(file: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules of the house that one imports, wherever in it, for whatever."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = file.relative_to(ROOT).parts[:-1]
            base = "/".join([*folder[: len(folder) - node.level + 1], *(node.module or "").split(".")]).strip("/")
            for name in node.names:
                inner = f"{base}/{name.name}".strip("/")
                yield inner if inner in known else base


def test_nothing_goes_in_a_circle() -> None:
    known = modules()
    graph = {name: {one for one in imports(file, known) if one != name} & set(known) for name, file in known.items()}
    assert len(graph) > 200 and graph["ui/page/studio"] >= {"ui/page/console", "ui/lab/lab"}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("room", UNKNOWN)
def test_arrows_run_one_way(room: str) -> None:
    known = modules()
    wrong = {
        f"{name} -> {one}"
        for name, file in known.items() if name == room or name.startswith(f"{room}/")
        for one in imports(file, known) if any(one == far or one.startswith(f"{far}/") for far in UNKNOWN[room])
    }  # fmt: skip
    assert not wrong
