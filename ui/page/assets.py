"""The page's own script and style, as one string each: hosts take them as text.

Both are built out of the rooms beside this file by `run.py page`, and kept: who uses them needs none of its tools.
"""

from __future__ import annotations

from pathlib import Path

_BUILT = Path(__file__).parent.parent / "built"


def script() -> str:
    """The page's script: statements, to stand in the body of a function."""
    # Hosts glue scripts together without a separator: nothing before ours may run on into it.
    return ";\n" + (_BUILT / "page.js").read_text(encoding="utf-8")


def style() -> str:
    """The page's style."""
    return (_BUILT / "page.css").read_text(encoding="utf-8")
