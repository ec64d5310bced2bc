#!/usr/bin/env python3
"""The one door for people: ``demo``, ``mixer``, ``test``, ``page``, ``docs`` and ``bench``, each with its own set-up.

It needs Python 3.10 or newer and nothing else; what it installs goes into ``.venvs/`` in this folder.
"""

import argparse
import importlib
import importlib.util
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

# This file alone keeps to a syntax that older Pythons can read, to tell people so.
if sys.version_info < (3, 10):  # noqa: UP036
    sys.exit(
        "LoRA Mixer needs Python 3.10 or newer, and this is Python {}.{}. "
        "Get a newer one from https://www.python.org/downloads/".format(*sys.version_info)
    )

from tools import docs as site
from tools.environments import NEWEST, OLDEST, prepare, prepare_docs
from tools.install import TORCH_OVERRIDE
from tools.page import build_page, check_page, prepare_page
from tools.processes import SetupError, clean_env, run_shown, say
from tools.side_by_side import run_side_by_side
from tools.vllm import PYTHON as VLLM_PYTHON
from tools.vllm import SERVER as VLLM_SERVER
from tools.vllm import prepare_vllm, trial

ROOT = Path(__file__).resolve().parent
SITE = ROOT / "build" / "site"
# The last line of a pytest run, with or without its frame of "=".
CLOSING = re.compile(r"^.*(?:passed|failed|error|skipped|deselected|collected|no tests ran).* in [\d.]+s\b.*$", re.M)


class Result(NamedTuple):
    """How one part of ``test`` ended, and the line that its tool closed with."""

    part: str
    passed: bool
    seconds: float
    closing: str


# ---- Running our own code in an environment -------------------------------------------------------------------------


def hand_over(python: Path, module: str, argv: Sequence[str]) -> int:
    """Run ``lora_mixer.<module>`` in an environment, in the place of this process where the system can do that."""
    command = [str(python), str(ROOT / "run.py"), "--inside", module, *argv]
    if os.name != "nt":
        sys.stdout.flush()
        os.execve(python, command, clean_env())
    process = subprocess.Popen(command, env=clean_env())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass  # it has reached the child too, and is the child's to answer


def inside(module: str, argv: list[str]) -> int:
    """In the environment: make the package ``lora_mixer`` out of this folder, import ``module`` of it, call its main.

    The folder leaves ``sys.path``, so that its sub-folders (``ui``, ``tests``) hide no top-level module of that name.
    """
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != ROOT]
    where = [str(ROOT)]
    spec = importlib.util.spec_from_file_location("lora_mixer", ROOT / "__init__.py", submodule_search_locations=where)
    assert spec and spec.loader
    package = importlib.util.module_from_spec(spec)
    sys.modules["lora_mixer"] = package
    spec.loader.exec_module(package)
    code: int = importlib.import_module(f"lora_mixer.{module}").main(argv)
    return code


# ---- The commands ---------------------------------------------------------------------------------------------------


def demo(options: argparse.Namespace, rest: Sequence[str]) -> int:
    adapters = options.lora or []
    if options.model and not options.model.is_dir():
        raise SetupError(f"There is no folder {options.model}")
    for path in [*filter(None, [options.gguf]), *adapters]:
        if not path.exists():
            raise SetupError(f"There is no {path}")
    argv = ["--model", str(options.model)] if options.model else []
    argv += ["--gguf", str(options.gguf)] if options.gguf else []
    argv += [word for folder in adapters for word in ("--lora", str(folder))]
    argv += [] if options.port is None else ["--port", str(options.port)]
    argv += ["--no-browser"] if options.no_browser else []
    return hand_over(prepare(NEWEST, tools=False), "hosts.standalone.app", [*argv, *rest])


def mixer(options: argparse.Namespace, rest: Sequence[str]) -> int:
    return hand_over(prepare(NEWEST, tools=False), "cli", rest)


def bench(options: argparse.Namespace, rest: Sequence[str]) -> int:
    return hand_over(prepare(NEWEST, tools=True), "bench.__main__", rest)


def page(options: argparse.Namespace, rest: Sequence[str]) -> int:
    """What is made for the page out of its sources, and kept: the bundle, and the table of gains that tests share."""
    python = prepare(NEWEST, tools=True)
    built = build_page(prepare_page(python))
    written = [
        run_shown([str(python), str(ROOT / "run.py"), "--inside", module], ROOT)[0] == 0
        for module in ("tests.helpers.gains_table", "ui.page.order_types")
    ]
    made = built and all(written)
    say("ui/built, orders.d.ts and tests/ui/page/gains.json are as their sources are." if made else "That failed.")
    return 0 if made else 1


def docs(options: argparse.Namespace, rest: Sequence[str]) -> int:
    if options.renew:
        return hand_over(prepare(NEWEST, tools=False), "cli.reference", rest)
    with tempfile.TemporaryDirectory() as scratch:
        shutil.rmtree(SITE, ignore_errors=True)
        site.check(site.build(prepare_docs(), Path(scratch), SITE))
    say(f"The site is in {SITE}; begin with README.html.")
    return 0


def test(options: argparse.Namespace, rest: Sequence[str]) -> int:
    if options.vllm:
        python = Path() if os.environ.get(VLLM_SERVER) else prepare_vllm()
        return run_shown([*trial(python, prepare(NEWEST, tools=True)), *rest], ROOT)[0]
    everything = not (options.lint or options.docs or options.old or options.new)
    names = [name for name, chosen in ((OLDEST, options.old), (NEWEST, options.new)) if chosen or everything]
    linted = options.lint or everything
    pythons, results = prepared([*names, NEWEST] if linted else names)
    if linted and NEWEST in pythons:
        results.append(lint(pythons[NEWEST]))
        results.append(lint_page(pythons[NEWEST]))
    if options.docs or everything:
        results.append(check_docs())
    results += run_pytest({name: pythons[name] for name in names if name in pythons}, rest)
    say(f"\n{' summary ':-^100}")
    for part, passed, seconds, closing in results:
        say(f"{part:<16} {'passed' if passed else 'FAILED'} {seconds:6.0f} s\n{closing}")
    failed = [result.part for result in results if not result.passed]
    say("FAILED: " + "; ".join(failed) if failed else "Everything passed.")
    return 1 if failed else 0


def prepared(names: Sequence[str]) -> tuple[dict[str, Path], list[Result]]:
    """The Pythons of these environments; one that cannot be set up is a failure, and the others go on."""
    pythons: dict[str, Path] = {}
    failed = []
    for name in dict.fromkeys(names):
        started = time.monotonic()
        try:
            pythons[name] = prepare(name, tools=True)
        except SetupError as error:
            say(str(error))
            seconds = time.monotonic() - started
            failed.append(Result(f"set-up, {name}", False, seconds, "(nothing was run in this environment)"))
    return pythons, failed


def lint(python: Path) -> Result:
    """Style, layout and types. mypy must see the folder under the package's name, so it is shown a copy called so."""

    def all_but_sources(folder: str, names: list[str]) -> list[str]:
        kept = {name for name in names if name.endswith((".py", ".pyi")) or Path(folder, name).is_dir()}
        return [name for name in names if name not in kept or name.startswith(".")]

    say(f"\n{' lint ':=^100}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copytree(ROOT, Path(scratch, "lora_mixer"), ignore=all_but_sources)
        config = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache")]
        failed = []
        for command, cwd in (
            (["ruff", "check", "."], ROOT),
            (["ruff", "format", "--check", "."], ROOT),
            (["mypy", *config, "-p", "lora_mixer"], Path(scratch)),
        ):
            title = " ".join(command[:2]) if command[0] == "ruff" else command[0]
            say(title)
            if run_shown([str(python), "-m", *command], cwd)[0] != 0:
                failed.append(title)
    closing = "failed: " + ", ".join(failed) if failed else "ruff and mypy found nothing"
    return Result("lint", not failed, time.monotonic() - started, closing)


def lint_page(python: Path) -> Result:
    """The page's script: style, layout, types, unit tests, and whether what is built of it is as its sources are."""
    say(f"\n{' page ':=^100}")
    started = time.monotonic()
    try:
        failed = check_page(prepare_page(python))
    except SetupError as error:
        say(str(error))
        failed = ["the set-up of its tools"]
    closing = "failed: " + ", ".join(failed) if failed else "biome, tsc and node found nothing, and nothing is stale"
    return Result("page", not failed, time.monotonic() - started, closing)


def check_docs() -> Result:
    """The site with warnings as errors and every link followed, and the notebooks from beginning to end."""
    say(f"\n{' docs ':=^100}")
    started = time.monotonic()
    closing = "the site has no broken link, and the notebooks run"
    try:
        with tempfile.TemporaryDirectory() as scratch:
            python = prepare_docs()
            built = site.build(python, Path(scratch), Path(scratch, "site"))
            site.check([*built, *site.run_notebooks(python, Path(scratch))])
    except SetupError as error:
        closing = str(error)
        say(closing)
        return Result("docs", False, time.monotonic() - started, closing)
    return Result("docs", True, time.monotonic() - started, closing)


def run_pytest(pythons: Mapping[str, Path], rest: Sequence[str]) -> list[Result]:
    """The whole of ``tests/`` in these environments, at the same time where the machine has a core for each."""
    packages = ("gradio", "transformers", "peft", "torch")
    ask = f"from importlib.metadata import version as v; print(*(n + ' ' + v(n) for n in {packages}), sep=', ')"
    color = ["--color=yes"] if sys.stdout.isatty() else []
    for name, python in pythons.items():
        say(f"\n{' tests, ' + name + ' ':=^100}")
        run_shown([str(python), "-c", ask], ROOT)
    commands = {name: [str(python), "-m", "pytest", *color, *rest] for name, python in pythons.items()}
    together = (os.cpu_count() or 1) >= len(commands)
    groups = [commands] if together else [{name: command} for name, command in commands.items()]
    results = []
    for name, ran in [pair for group in groups for pair in run_side_by_side(group, ROOT).items()]:
        closings = CLOSING.findall(re.sub(r"\x1b\[[0-9;]*m", "", ran.output))
        closing = closings[-1] if closings else f"(pytest ended with exit code {ran.code} and no closing line)"
        results.append(Result(f"tests, {name}", ran.code == 0, ran.seconds, closing))
    return results


# ---- The command line -----------------------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    whole = argparse.ArgumentParser(
        prog="run.py",
        formatter_class=shape,
        description="LoRA Mixer: chat with a real model, move the faders of its adapters, and hear the difference.",
        epilog="The first start of a command installs what it needs into .venvs/ in this folder (some minutes, about\n"
        "2 GB); later ones go straight on. Delete that folder to start over. PyTorch comes as its CPU build; for\n"
        f"another one, set {TORCH_OVERRIDE} to what pip is to install:\n"
        f"  {TORCH_OVERRIDE}='torch==2.13.0 --index-url https://download.pytorch.org/whl/cu130' python3 run.py demo",
    )
    commands = whole.add_subparsers(dest="command", metavar="COMMAND")

    def add(name: str, work: Callable[..., int], summary: str, description: str) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name, help=summary, description=description, formatter_class=shape, allow_abbrev=False
        )
        added.set_defaults(work=work)
        return added

    added = add(
        "demo",
        demo,
        "open the mixing desk in your browser, on a small model that comes with it",
        "Opens a chat page with the mixing desk. Without arguments it plays SmolLM2-135M-Instruct and the adapters in\n"
        "demo/; with --model and --lora, any local transformers model and adapters that fit it; with --gguf,\n"
        "a GGUF file on llama.cpp, with adapters of that form too. Ctrl-C ends it.\n"
        "Arguments that are not listed here go to the page (hosts/standalone/app.py).",
    )
    added.add_argument("--model", type=Path, metavar="DIR", help="folder of a transformers model")
    added.add_argument("--gguf", type=Path, metavar="FILE", help="a model's GGUF file, to be played by llama.cpp")
    added.add_argument(
        "--lora",
        type=Path,
        metavar="DIR",
        action="append",
        help="folder of an adapter, or its GGUF file; once for each",
    )
    added.add_argument("--port", type=int, metavar="N", help="port of the page")
    added.add_argument("--no-browser", action="store_true", help="only print the address")

    add(
        "mixer",
        mixer,
        "in the terminal: inspect, bake, combine, merge, loudness, impact",
        "The command line of LoRA Mixer: all that follows goes to it, `run.py mixer --help` lists its commands.",
    )

    added = add(
        "test",
        test,
        "check the code, and run all tests on the oldest and the newest supported versions",
        "Runs ruff and mypy, checks the page's script, builds the docs, then runs pytest in two environments at the\n"
        "same time: the oldest supported versions of Gradio, transformers and PEFT, and the newest. All of it runs,\n"
        "even when a part fails; the exit code is 0 if all passed.\n"
        "Arguments that are not listed here go to pytest:\n"
        "  run.py test --new -x -k rows\n"
        '  run.py test --old -m "not browser" tests/lora_ops/test_desk.py\n'
        "The tests of the page need Chromium or Chrome; LORA_MIXER_CHROMIUM names one that is not found by itself.",
    )
    added.add_argument("--lint", action="store_true", help="only ruff and mypy, and all checks of the page's script")
    added.add_argument("--docs", action="store_true", help="only the docs, with the notebooks")
    added.add_argument("--old", action="store_true", help="only the tests on the oldest versions")
    added.add_argument("--new", action="store_true", help="only the tests on the newest versions")

    added.add_argument(
        "--vllm",
        action="store_true",
        help="only the tests on a real vLLM server, which none of the others need: it is installed by itself (Linux, "
        f"3.4 GB), or the one whose Python {VLLM_PYTHON} names, started, and ended; or the server that "
        f"{VLLM_SERVER} names is asked",
    )

    added = add(
        "docs",
        docs,
        "build the site out of docs/ and the docstrings",
        "Builds the site into build/site. It fails where Sphinx warns of something or a link is broken.",
    )
    added.add_argument("--renew", action="store_true", help="write docs/command-line.md anew, and build nothing")

    add(
        "page",
        page,
        "build what hosts take of the page: run it after a change in the rooms of ui/",
        "Bundles the script and the style of the page into ui/built, and writes tests/ui/page/gains.json, the table\n"
        "of gains that Python and the script are both held to. Both are kept in the repository; `run.py test --lint`\n"
        "says when they are stale.",
    )

    add(
        "bench",
        bench,
        "measure the desk against what it replaces; keeps bench/RESULTS.md",
        "Measures, on this machine, and keeps what it measured in bench/RESULTS.md. Arguments go to bench/.",
    )
    return whole


def stop(*_: object) -> None:
    raise KeyboardInterrupt


def main(argv: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):  # where output goes into a pipe, Windows has a character set of its own
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    if argv[:1] == ["--inside"]:
        return inside(argv[1], argv[2:])
    # All that follows `mixer` is for its own command line, `--help` too.
    own, rest = (argv[:1], argv[1:]) if argv[:1] == ["mixer"] else (argv or ["--help"], [])
    options, more = parser().parse_known_args(own)
    rest = [*rest, *(word for word in more if word != "--")]
    if options.command is None:
        parser().error("say first what to do: " + ", ".join(["demo", "mixer", "test", "docs", "page", "bench"]))
    signal.signal(signal.SIGTERM, stop)
    try:
        code: int = options.work(options, rest)
        return code
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command starts again, and makes anew what was left half done.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
