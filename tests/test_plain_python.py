"""What needs no torch works where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_desk_profiles_results_and_page_work_without_torch_transformers_and_peft(tmp_path: Path) -> None:
    program = Path(__file__).parent / "helpers" / "plain_python.py"
    done = subprocess.run([sys.executable, str(program), str(tmp_path)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
