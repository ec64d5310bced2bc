"""The tools of the page's script, and what is kept of what they build."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from lora_mixer.tools import page
from lora_mixer.tools.page import BUILT, PageTools, node_on_path, stale

VERSIONS = {"v20.1.0": True, "v18.20.0": False, "nonsense": False, "": False}


def builds(files: dict[str, bytes], well: bool = True) -> Any:
    def build(tools: PageTools, folder: Path) -> bool:
        for name, data in files.items():
            (folder / name).write_bytes(data)
        return well

    return build


def test_what_its_sources_would_build_otherwise_is_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {path.name: path.read_bytes() for path in BUILT.iterdir() if path.suffix in (".js", ".css")}
    assert set(kept) == {"page.js", "page.css"}
    tools = PageTools(Path("node"), Path("packages"))
    monkeypatch.setattr(page, "build_page", builds(kept))
    assert list(stale(tools)) == []
    monkeypatch.setattr(page, "build_page", builds({**kept, "page.js": kept["page.js"] + b"\n", "new.js": b""}))
    assert list(stale(tools)) == ["ui/built/new.js", "ui/built/page.js"]
    monkeypatch.setattr(page, "build_page", builds({}, well=False))
    assert [name for name in stale(tools) if "cannot be built" in name]


@pytest.mark.parametrize(("version", "taken"), VERSIONS.items())
def test_a_node_of_the_machine_is_taken_if_it_is_new_enough(
    version: str, taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page.shutil, "which", lambda name: f"/usr/bin/{name}")
    said = subprocess.CompletedProcess([], 0, stdout=version)
    monkeypatch.setattr(page.subprocess, "run", lambda *_, **__: said)
    assert (node_on_path() is not None) == taken
    monkeypatch.setattr(page.shutil, "which", lambda name: None)
    assert node_on_path() is None


def test_one_that_hangs_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(*_: Any, **__: Any) -> None:
        raise subprocess.TimeoutExpired("node", 60)

    monkeypatch.setattr(page.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(page.subprocess, "run", hangs)
    assert node_on_path() is None


def test_all_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: Any = []
    monkeypatch.setattr(page, "run_shown", lambda command, cwd: ran.append(command) or (len(ran) % 2, ""))
    monkeypatch.setattr(page, "stale", lambda tools: iter(["ui/built/page.js"]))
    failed = page.check_page(PageTools(Path("node"), Path("packages")))
    assert failed == ["biome", "node --test", "ui/built/page.js is stale: python3 run.py page"] and len(ran) == 3
    assert len([word for word in ran[2] if word.endswith(".test.js")]) > 5
