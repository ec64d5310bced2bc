"""Links of the site: what leads nowhere is told, with the page that it is on."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def tool(name: str) -> ModuleType:
    """A module of `tools/`, which belongs to run.py and not to the package."""
    spec = importlib.util.spec_from_file_location(f"tools_{name}", ROOT / "tools" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("other.html", ""),
        ("other.html#there", ""),
        ("#here", ""),
        ("folder/deep.html", ""),
        ("a%20b.png", ""),
        ("https://example.org/x?y#z", ""),
        ("http://localhost:7860", ""),
        ("mailto:somebody@example.org", ""),
        ("gone.html", "leads nowhere"),
        ("other.html#gone", "names a place"),
        ("#gone", "names a place"),
        ("../outside.html", "leads out of the site"),
        ("https://nowhere", "is no address"),
        ("https://exam ple.org", "is no address"),
        ("http://[bad", "is no address"),
        ("file:///etc/passwd", "leads to file"),
    ],
)
def test_a_link_that_leads_nowhere_is_told(link: str, why: str, tmp_path: Path):
    site = tmp_path / "site"
    (site / "folder").mkdir(parents=True)
    (tmp_path / "outside.html").touch()
    (site / "a b.png").touch()
    (site / "other.html").write_text('<p id="there">', encoding="utf-8")
    (site / "folder" / "deep.html").write_text('<a href="../other.html#there">', encoding="utf-8")
    (site / "page.html").write_text(f'<p id="here"><a href="{link}">', encoding="utf-8")
    told = tool("links").broken(site)
    assert (told == []) if not why else (len(told) == 1 and told[0].startswith("page.html: ") and why in told[0]), told
