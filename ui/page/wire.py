"""How text gets from Python to the page's script and back: text boxes that are in the page, but not to be seen."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import gradio as gr
from gradio.context import Context
from pydantic_core import from_json

from ...hosts.protocol import HostError
from ...lora_ops import log

#: Errors that are told as they are; of any other its user can only be told that it happened.
FOR_PEOPLE = (HostError, ValueError, RuntimeError, OSError)
#: What comes of a message in which something is missing, or of another kind than the page's script would write.
GARBLED = (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
#: For events. "multiple": what a page says while Gradio has not closed the event before is not dropped in silence.
QUEUED: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "multiple"}
#: Not in the queue: what must not wait behind a generation.
LIVE: dict[str, Any] = {**QUEUED, "queue": False}
_counted = itertools.count(1)


@contextmanager
def at_the_root() -> Iterator[None]:
    """Builds outside of the open tab: Gradio 6 puts nothing of a tab into the page before the tab is opened."""
    block, Context.block = Context.block, Context.root_block
    try:
        yield
    finally:
        Context.block = block


def wire(elem_id: str) -> Any:
    """One such text box."""
    return gr.Textbox(elem_id=elem_id, elem_classes=["lora-mixer-wire"], show_label=False, container=False, max_lines=1)


def wires(part: str, *names: str) -> list[Any]:
    """The boxes of a part of the page, in the order of `names`."""
    with at_the_root():
        return [wire(f"lora-mixer-{part}-{name}") for name in names]


def hand_over(box: Any, part: str, name: str) -> None:
    """Has the page's script get what is written into a box: `window.loraMixer.PART.NAME(text)`."""
    there = f"window.loraMixer && window.loraMixer.{part}"
    box.change(None, [box], None, js=f"(text) => {{ {there} && window.loraMixer.{part}.{name}(text); }}")


def heard(message: str | None) -> dict[str, Any]:
    """What the page's script said: a JSON object, or an empty one if it is nothing of that kind."""
    try:
        said = from_json(message or "", allow_inf_nan=False)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def number_of(said: Mapping[str, Any]) -> int | None:
    """The number under which a page said something, for its answer; None if it gave none."""
    number = said.get("seq")
    return number if type(number) is int else None


def not_understood(error: BaseException) -> str:
    """What a page is told whose message makes no sense."""
    log.note(error, above=1)
    return f"The page said something that nobody understands: {repr(error)[:200]}"


def counted(news: Mapping[str, Any]) -> str:
    """As text. Gradio passes on only what differs from what the page got before: each is one of its own."""
    return json.dumps({"n": next(_counted), **news}, allow_nan=False, separators=(",", ":"))


def page_of(request: gr.Request) -> str:
    """What tells one open page from another."""
    return request.session_hash or ""
