"""What a page asks while its host loads a model imports neither torch nor transformers nor PEFT.

Two threads that import them at once break each other's import: the host's load of a model ended in "module
'transformers' has no attribute 'GenerationConfig'". See `no_imports.py`, which asks everything in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.shelved import shelve


@pytest.mark.parametrize(
    ("host", "model"), [("textgen", "none"), ("textgen", "plain"), ("standalone", "none")],
    ids=["TextGen without a model", "TextGen with a model without adapters", "our own page before its model"],
)  # fmt: skip
def test_what_a_page_asks_without_adapters_imports_nothing(host: str, model: str, tmp_path: Path) -> None:
    shelf = tmp_path / "loras"
    shelve(shelf / "pirate")
    program = Path(__file__).parents[1] / "helpers" / "no_imports.py"
    done = subprocess.run(
        [sys.executable, str(program), host, str(shelf), model], capture_output=True, text=True, timeout=600
    )
    assert (done.stdout, done.returncode) == ("", 0), done.stderr
