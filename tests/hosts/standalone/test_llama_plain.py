"""With a GGUF file our own page needs no torch, no transformers and no PEFT."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "helpers" / "plain_llama_page.py"


def test_the_page_of_a_gguf_opens_and_answers_where_there_is_no_torch(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, str(PROGRAM), str(tmp_path)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
