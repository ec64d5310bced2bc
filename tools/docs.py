"""The site: its pages are laid out in a folder aside, Sphinx builds them, and every link in them is followed.

What is on it stands elsewhere: the README and its neighbours, `docs/`, the notebooks, and the docstrings.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from .links import broken
from .processes import OFFLINE, SetupError, clean_env, run_shown, say

ROOT = Path(__file__).resolve().parent.parent
#: Pages that stand in the repository where they stand on the site, so that links between them hold in both.
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "bench/RESULTS.md", "demo/README.md",
         "demo/adapters/pirate/README.md", "demo/adapters/butler/README.md")  # fmt: skip
NOTEBOOKS = ROOT / "docs" / "notebooks"
#: What the site tells of from its docstrings: a page for each of these folders and for each in them, or of one module.
ROOMS = ("lora_ops", "hosts/protocol.py")
_CONTENTS = """
```{{toctree}}
:hidden:

{}
```
"""
_ORDER = (
    "docs/command-line", "docs/notebooks/README", "docs/own-host", "docs/scale", "docs/api/index", "CONTRIBUTING",
    "CHANGELOG", "SECURITY", "bench/RESULTS", "demo/README", "demo/adapters/pirate/README",
    "demo/adapters/butler/README",
)  # fmt: skip
_API = """# From Python

What can be imported, by the rooms of the house; `lora_mixer.lora_ops` has the most used names itself.
"""
#: The package out of this folder, whatever that is called, for programs that are told to look here first.
_SHIM = """__path__ = [{root!r}]
__file__ = {init!r}
with open(__file__, encoding="utf-8") as _file:
    exec(compile(_file.read(), __file__, "exec"))
"""
_RUN = """
import sys
import nbformat
from nbclient import NotebookClient
for path in sys.argv[1:]:
    print(f"running {path}", flush=True)
    NotebookClient(nbformat.read(path, as_version=4), timeout=900, kernel_name="python3").execute()
"""


def build(python: Path, scratch: Path, site: Path) -> list[str]:
    """Builds the site, by the Python of an environment with Sphinx and all of the package's own.

    Args:
        python: of that environment.
        scratch: an empty folder to work in.
        site: where the site goes.

    Returns:
        What is wrong with it, a line each.
    """
    source = scratch / "source"
    lay_out(source)
    sphinx = [str(python), "-m", "sphinx", "--fail-on-warning", "--keep-going", "-q", "-b", "html"]
    code, _ = run_shown([*sphinx, "-d", str(scratch / "doctrees"), str(source), str(site)], ROOT, seeing(scratch))
    return [*(["Sphinx warned of something: see above"] if code else []), *broken(site)]


def run_notebooks(python: Path, scratch: Path) -> list[str]:
    """Runs the notebooks from beginning to end; what is wrong with them, a line each."""
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    wrong = [line for path in paths for line in kept_outputs(path)]
    code, _ = run_shown([str(python), "-c", _RUN, *map(str, paths)], NOTEBOOKS, seeing(scratch))
    return [*wrong, *(["a notebook failed: see above"] if code else [])]


def kept_outputs(path: Path) -> list[str]:
    """Cells of a notebook that were saved with what they said when they were run last."""
    cells = enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"], 1)
    kept = [at for at, cell in cells if cell.get("outputs") or cell.get("execution_count")]
    return [f"{path.name}: cell {at} holds outputs; clear them" for at in kept]


def seeing(scratch: Path) -> Mapping[str, str]:
    """Surroundings in which `import lora_mixer` finds this folder."""
    package = scratch / "path" / "lora_mixer"
    package.mkdir(parents=True, exist_ok=True)
    shim = _SHIM.format(root=str(ROOT), init=str(ROOT / "__init__.py"))
    (package / "__init__.py").write_text(shim, encoding="utf-8")
    return clean_env({**OFFLINE, "PYTHONPATH": str(package.parent), "PYDEVD_DISABLE_FILE_VALIDATION": "1"})


def lay_out(source: Path) -> None:
    """Puts all pages where Sphinx finds them."""
    shutil.copytree(ROOT / "docs", source / "docs", ignore=shutil.ignore_patterns("conf.py", "*.ipynb", ".*"))
    shutil.copyfile(ROOT / "docs" / "conf.py", source / "conf.py")
    pictures = source / "extra" / "docs"
    pictures.mkdir(parents=True)
    for picture in (ROOT / "docs").glob("*.png"):
        shutil.copyfile(picture, pictures / picture.name)
    for page in PAGES:
        (source / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / page, source / page)
    _goes_on(source / "README.md", _ORDER)
    _lay_out_notebooks(source / "docs" / "notebooks")
    _lay_out_api(source / "docs" / "api")


def _lay_out_notebooks(to: Path) -> None:
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    for path in paths:
        (to / f"{path.stem}.md").write_text(as_markdown(path), encoding="utf-8")
    _goes_on(to / "README.md", [path.stem for path in paths])


def _goes_on(index: Path, pages: Sequence[str]) -> None:
    """Tells Sphinx which pages come after one, and leads its links to notebooks to what they are on the site."""
    text = index.read_text(encoding="utf-8").replace(".ipynb)", ".md)")
    index.write_text(text + _CONTENTS.format("\n".join(pages)), encoding="utf-8")


def as_markdown(notebook: Path) -> str:
    """A notebook as a page: its texts, and its code as code."""
    parts = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
    return "\n\n".join(parts) + "\n"


def _lay_out_api(to: Path) -> None:
    to.mkdir()
    pages = {}
    for room in ROOMS:
        path = ROOT / room
        for folder in sorted(_folders(path)) if path.is_dir() else [path]:
            pages[_page_name(folder)] = _api_page(folder)
    for name, text in pages.items():
        (to / f"{name}.md").write_text(text, encoding="utf-8")
    listed = "\n".join(sorted(pages))
    (to / "index.md").write_text(f"{_API}\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n", encoding="utf-8")


def _page_name(place: Path) -> str:
    inside = place.relative_to(ROOT)
    return inside.parts[0] if inside.suffix else "-".join(inside.parts)


def _folders(top: Path) -> Iterator[Path]:
    """A package and those in it; not what Alembic reads."""
    yield top
    for path in sorted(top.rglob("__init__.py")):
        if path.parent != top and "migrations" not in path.parts:
            yield path.parent


def _api_page(place: Path) -> str:
    modules = [place] if place.is_file() else sorted(place.glob("*.py"))
    named = ".".join(("lora_mixer", *place.relative_to(ROOT).with_suffix("").parts))
    parts = [f"# {named}\n"]
    for module in modules:
        if module.stem.startswith("_"):
            continue
        name = named if place.is_file() else f"{named}.{module.stem}"
        parts.append(f"## {module.stem}\n\n```{{eval-rst}}\n.. automodule:: {name}\n```\n")
    return "\n".join(parts)


def check(wrong: list[str]) -> None:
    """Says what is wrong.

    Raises:
        SetupError: something is.
    """
    for line in wrong:
        say(f"  {unquote(line)}")
    if wrong:
        raise SetupError("The docs are not as they should be.")
