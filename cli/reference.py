"""The command line as a page of the docs, made of what its commands say: `python3 run.py docs --renew`."""

from __future__ import annotations

import argparse
import inspect
import types
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from typer.models import ArgumentInfo, OptionInfo

from ..hosts.standalone.app import options_of
from .app import app
from .exits import NAME

#: Where the page lies in the project.
PAGE = Path(__file__).resolve().parent.parent / "docs" / "command-line.md"
_HEAD = """# The command line

<!-- Made of the commands themselves by `python3 run.py docs --renew`: change it there. -->

Where LoRA Mixer is installed it is `{name} …`; in its own folder it is `python3 run.py mixer …`, which sets up an
environment first.

{help}

{epilog}
"""


def main(argv: Sequence[str]) -> int:
    """Writes the page anew."""
    PAGE.write_text(reference(), encoding="utf-8", newline="\n")
    print(f"{PAGE} is new.")
    return 0


def reference() -> str:
    """The page, in Markdown."""
    parts = [_HEAD.format(name=NAME, help=app.info.help, epilog=app.info.epilog)]
    for command in app.registered_commands:
        assert command.name and command.callback
        listed = _of_the_page() if command.name == "demo" else _of(command.callback)
        parts.append(_section(command.name, inspect.getdoc(command.callback) or "", list(listed)))
    return "\n".join(parts)


def _section(name: str, says: str, listed: list[tuple[str, str]]) -> str:
    table = "".join(f"| {left} | {right} |\n" for left, right in listed)
    return f"## {name}\n\n{says}\n\n| argument or option | what it says |\n| --- | --- |\n{table}"


def _of(command: Callable[..., Any]) -> Iterator[tuple[str, str]]:
    """Arguments and options of a command, and what each says."""
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        kind, info = get_args(_inner(hints[name]))[:2]
        if isinstance(info, ArgumentInfo):
            yield _code(f"{info.metavar}{' …' if get_origin(kind) is list else ''}"), _cell(info.help)
        elif isinstance(info, OptionInfo):
            # Inside of Annotated, what typer calls the default is the first name.
            names = [one for one in (info.default, *(info.param_decls or ())) if isinstance(one, str)]
            names = names or [f"--{name.replace('_', '-')}"]
            value = "" if _bare(kind) is bool else f" {info.metavar or _values(_bare(kind))}"
            says = _cell(info.help)
            if parameter.default is inspect.Parameter.empty:
                says += " Needed."
            elif info.show_default and parameter.default not in (None, False):
                default = parameter.default
                says += f" Default: {_code(default.value if isinstance(default, Enum) else default)}."
            if get_origin(_inner(kind)) is list:
                says += " As often as you like."
            yield ", ".join(_code(f"{one}{value}") for one in names), says


def _of_the_page() -> Iterator[tuple[str, str]]:
    for action in options_of(f"{NAME} demo")._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        value = "" if action.nargs == 0 else f" {action.metavar or _choices(action)}"
        yield ", ".join(_code(f"{one}{value}") for one in action.option_strings), _cell(action.help)


def _choices(action: argparse.Action) -> str:
    return "|".join(map(str, action.choices)) if action.choices else action.dest.upper()


def _inner(kind: Any) -> Any:
    """What it is if it is not None."""
    if get_origin(kind) in (Union, types.UnionType):
        return next(one for one in get_args(kind) if one is not type(None))
    return kind


def _bare(kind: Any) -> Any:
    inner = _inner(kind)
    return get_args(inner)[0] if get_origin(inner) is list else inner


def _values(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(one.value) for one in kind)
    if get_origin(kind) is Literal:
        return "|".join(get_args(kind))
    return {int: "N", float: "NUMBER", Path: "PATH"}.get(kind, "TEXT")


def _code(text: object) -> str:
    return f"`{text}`".replace("|", "\\|")


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")
