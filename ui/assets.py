"""The page's own script and style, as one string each: hosts take them as text."""

from __future__ import annotations

from pathlib import Path

_PAGE = Path(__file__).parent / "page"


def script() -> str:
    """All of `page/*.js` in the order of their names: statements, to stand in the body of a function."""
    # Hosts glue scripts together without a separator: nothing before ours may run on into it.
    return ";\n" + _joined("*.js")


def style() -> str:
    """All of `page/*.css` in the order of their names."""
    return _joined("*.css")


def _joined(pattern: str) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(_PAGE.glob(pattern)))
