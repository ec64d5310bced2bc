"""TextGen's `--extra-flags` for its llama.cpp loader, read and written as the host reads them.

The host takes a text that begins with `-` as a shell would, and any other as `flag=value,flag` by commas, where a value
can hold no comma itself. Whoever adds a list of files to it writes the first kind; what the user wrote stays.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

#: Short names that the host takes for long ones.
_LONG = {"rpc", "fit", "pos", "ppl"}
_SHORTEST_LONG = 4
LORA = "--lora"
#: What llama-server remembers of prompts outside its slots does not know under which scales it was read.
_OURS = ["--cache-ram", "0", LORA]


def arguments(text: str | None) -> list[str]:
    """The arguments that the host makes of its `extra_flags`.

    Raises:
        ValueError: a quotation that does not end.
    """
    text = (text or "").strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    if not text or text.startswith("-"):
        return shlex.split(text)
    found: list[str] = []
    for item in text.split(","):
        flag, equals, value = (part.strip() for part in item.strip().partition("="))
        dashes = "-" if len(flag) < _SHORTEST_LONG and flag not in _LONG else "--"
        found += [f"{dashes}{flag}", value] if equals else [f"{dashes}{flag}"]
    return found


def with_files(text: str | None, files: Sequence[Path]) -> str:
    """The same flags, with these files as adapters after the user's own.

    Raises:
        ValueError: a quotation that does not end, or a path that llama-server would take apart.
    """
    own = arguments(text)
    if not files:
        return text or ""
    if odd := next((file for file in files if "," in str(file)), None):
        raise ValueError(f"llama.cpp takes files by commas, and there is one in {odd}: choose a folder without")
    return shlex.join([*own, *_OURS, ",".join(map(str, files))])


def without_files(text: str | None, folder: Path) -> str:
    """The same flags, without the files of this folder that stand at their end.

    Raises:
        ValueError: a quotation that does not end.
    """
    own = arguments(text)
    before, ours = own[: -len(_OURS) - 1], own[-len(_OURS) - 1 : -1]
    if ours != _OURS or not all(Path(file).is_relative_to(folder) for file in own[-1].split(",")):
        return text or ""
    return shlex.join(before)
