"""How Sphinx makes the site; `python3 run.py docs` (tools/docs.py) lays out its pages and calls it."""

from __future__ import annotations

import re
from typing import Any

import lora_mixer

project = "LoRA Mixer"
version = release = lora_mixer.__version__
project_copyright = "its contributors, MIT licence"
root_doc = "README"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"LoRA Mixer {release}"
html_show_sphinx = False
html_copy_source = False
# The pictures of the README stand in plain HTML there, which Sphinx does not look into.
html_extra_path = ["extra"]
exclude_patterns = ["extra"]
suppress_warnings = [
    "myst.header",  # a page may leave a level of headings out
    "ref.python",  # two classes with one name, which a section "Raises" names: either will do
]

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autodoc_typehints = "none"  # the signature shows them
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
default_role = "code"

#: What means something in reStructuredText, outside of code.
_MARKS = re.compile(r"\*|\||(?<=\w)_(?!\w)")
_CODE = re.compile(r"(``.*?``|`[^`\n]*`|:\w+:`[^`]*`)")


def plain(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Our docstrings are sentences with `code` in them, and sections as Google has them: no other marks."""
    for at, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...", ".. ", ":")):
            parts = _CODE.split(line)
            parts[::2] = [_MARKS.sub(lambda mark: "\\" + mark[0], part) for part in parts[::2]]
            lines[at] = "".join(parts)
    if what in ("property", "attribute", "data") and lines:
        lines[0] = f": {lines[0]}"  # or what stands before a colon in it is taken for its type


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", plain, priority=100)  # before the sections are read
