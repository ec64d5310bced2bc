"""What may be written into a log or a report that is shown to others: no prompt, no reply, no key, no user's name."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from pathlib import Path

#: Characters of what an error says.
_LONGEST = 600
#: Of something quoted that may stand as it is: a name, a path.
_LONGEST_QUOTED = 80
_SECRETS = (
    # Keys by their own look: Hugging Face, OpenAI and Anthropic, GitHub, AWS, Google.
    re.compile(r"\b(?:hf_|sk-|gh[oprsu]_|github_pat_|AKIA|AIza)[\w-]{8,}"),
    re.compile(r"\b(?:Bearer|Basic)\s+[\w.+/=~-]{8,}", re.IGNORECASE),
    # And by what stands before them: api_key=…, "token": "…", --hf-token …, password=…
    re.compile(
        r"(?<=[\w-])?(?:api[_-]?key|apikey|token|secret|passw(?:or)?d|authorization)['\"]?\s*[=:]\s*['\"]?[^\s'\",;)}]{4,}",
        re.IGNORECASE,
    ),
    re.compile(r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"),
)
_HOMES = re.compile(r"(?:/home/|/Users/|\b[A-Za-z]:(?:\\{1,2}|/)Users(?:\\{1,2}|/))[^\s/\\'\":]+")
#: Pydantic shows the beginning of what it was given.
_INPUT = re.compile(r"input_value=.*?(?=, input_type=|\]|$)", re.DOTALL)
#: Curly quotes reach to the last of them: a prompt that stands in them may hold others.
_QUOTED = re.compile(r"(?<!\w)'(?:\\.|[^'\\])*'(?!\w)|\"(?:\\.|[^\"\\])*\"|`[^`]*`|“.*”|“.*", re.DOTALL)


def discreet(text: str) -> str:
    """`text` without keys and passwords, and with folders of users as `~`."""
    home = str(Path.home())
    if len(home) > 1:
        for spelled in {home, home.replace("\\", "\\\\"), home.replace("\\", "/")}:
            text = text.replace(spelled, "~")
    text = _HOMES.sub("~", text)
    for secret in _SECRETS:
        text = secret.sub("(hidden)", text)
    return text


def message(error: BaseException) -> str:
    """What an error says, without what it quotes: that may be a prompt or a reply. Names and paths stay."""
    text = _INPUT.sub("input_value=…", str(error))
    text = discreet(_QUOTED.sub(_quoted, text))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _quoted(match: re.Match[str]) -> str:
    text = match[0]
    is_name = len(text) <= _LONGEST_QUOTED and re.search(r"\s|\\n", text[1:-1]) is None
    # In curly quotes stands what a user wrote.
    return text if is_name and text[0] != "“" else f"{text[0]}…{text[-1]}"


def told(error: BaseException) -> str:
    """An error and those that it came of, each with where it happened, the first one first."""
    return "".join(_told(error, set()))


def _told(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _told(before, seen)
        yield "and of that came:\n"
    yield from (discreet(line) for line in traceback.format_tb(error.__traceback__))
    yield f"{type(error).__module__}.{type(error).__qualname__}: {message(error)}\n"
