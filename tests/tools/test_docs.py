"""The site: every page of the repository and every module is on it, and notebooks are kept without outputs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lora_mixer.tools import docs
from lora_mixer.tools.processes import SetupError


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "source"
    docs.lay_out(folder)
    return folder


def test_every_module_that_can_be_imported_has_its_place_on_one_page(source: Path) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (source / "docs" / "api").glob("*.md"))
    told = re.findall(r"automodule:: lora_mixer\.(\S+)", text)
    modules = {
        ".".join(path.relative_to(docs.ROOT).with_suffix("").parts)
        for path in (docs.ROOT / "lora_ops").rglob("*.py")
        if not path.stem.startswith("_") and "migrations" not in path.parts
    }
    assert set(told) == {*modules, "hosts.protocol"} and len(told) == len(set(told))


def test_every_page_that_is_named_is_there_and_every_notebook_is_a_page(source: Path) -> None:
    assert all((source / page).is_file() for page in docs.PAGES)
    for name in docs._ORDER:
        assert (source / f"{name}.md").is_file() or (source / name).is_file(), name
    for notebook in docs.NOTEBOOKS.glob("*.ipynb"):
        page = (source / "docs" / "notebooks" / f"{notebook.stem}.md").read_text(encoding="utf-8")
        assert "```python" in page and not docs.kept_outputs(notebook)


def test_a_notebook_that_was_saved_with_what_it_said_is_told(tmp_path: Path) -> None:
    cells = [{"cell_type": "markdown"}, {"cell_type": "code", "outputs": [{"text": "x"}]}, {"execution_count": 3}]
    (tmp_path / "x.ipynb").write_text(json.dumps({"cells": cells}))
    assert [line.split(":")[1].split()[1] for line in docs.kept_outputs(tmp_path / "x.ipynb")] == ["2", "3"]


def test_the_package_is_found_whatever_its_folder_is_called(tmp_path: Path) -> None:
    code = "import lora_mixer, lora_mixer.lora_ops.mix as mix; print(lora_mixer.__version__, mix.__name__)"
    said = subprocess.run(
        [sys.executable, "-c", code], env=dict(docs.seeing(tmp_path)), cwd=tmp_path, capture_output=True, text=True
    )
    assert said.stdout.split()[1:] == ["lora_mixer.lora_ops.mix"], said.stderr


def test_whatever_is_wrong_is_said_and_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    docs.check([])
    with pytest.raises(SetupError):
        docs.check(["a link to a%20b leads nowhere"])
    assert "a b" in capsys.readouterr().out
