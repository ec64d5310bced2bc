"""The fader board: a place for the page's script to draw in, and the wires between it and the desk."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, Literal

import gradio as gr

from ...hosts.toast import refusal
from ..page.messages import counted, message_of, named
from ..page.orders import Answer, OpenPage, Orders
from ..page.panel import Panel
from ..page.state import state_json
from ..page.trouble import GARBLED
from ..page.wire import LIVE, at_the_root, wire

if TYPE_CHECKING:
    from ..page.studio import Studio

#: For moves that must not wait behind a generation in Gradio's queue, and of which only the last one matters.
_LIVE: dict[str, Any] = {**LIVE, "trigger_mode": "always_last"}
_RECEIVE = "(state) => { window.loraMixer && window.loraMixer.receive(state); }"
_PONG = "() => { window.loraMixer && window.loraMixer.pong(); }"


@dataclass(frozen=True)
class FaderBoard:
    """The components that others may want to hang events on."""

    state: Any
    poll: Any


def build_fader_board(console: Studio) -> FaderBoard:
    """Places the fader board where the open Gradio context is."""
    gr.HTML('<div id="lora-mixer-desk"></div>')
    with at_the_root():
        state, panel, poll, refused = (wire(f"lora-mixer-{name}") for name in ("state", "panel", "poll", "refusal"))
    state.change(None, [state], None, js=_RECEIVE)
    panel.input(lambda message: _take(console, message), [panel], [refused], **_LIVE)
    # A second step, in the queue: Gradio 6 shows no error of an event that is not queued.
    refused.change(_complain, [refused], None, show_progress="hidden")
    answered = poll.input(lambda message: _answer(console, message), [poll], [state], **_LIVE)
    # Most answers bring nothing new; this tells the script that Python is still there.
    answered.success(None, None, None, js=_PONG, queue=False, show_progress="hidden")
    return FaderBoard(state, poll)


def _panel(page: OpenPage, *, panel: Annotated[Any, named("Panel")], t: float | None = None) -> Answer:
    """Every control stands elsewhere; with `t` the faders stand there between the crossfader's two mixes."""
    stands = Panel.from_dict(panel)
    if t is None:
        page.console.move(stands)
    else:
        page.console.crossfade(stands, t)
    return {}


def _range(page: OpenPage, *, min: float, max: float) -> Answer:
    page.console.set_range(min, max)
    return {}


def _accept_offer(page: OpenPage, *, id: Literal["separate", "blend", "strongest"]) -> Answer:
    console = page.console
    {"separate": console.play_sources, "blend": console.play_blend, "strongest": console.serve_strongest}[id]()
    return {}


ORDERS = Orders({"panel": _panel, "range": _range, "accept offer": _accept_offer})


def _take(console: Studio, message: str) -> Any:
    """Does what the page's script says; or says why not."""
    answer = ORDERS.obey(OpenPage(console), message)
    if "refused" not in answer:
        return gr.skip()
    # Whatever the page shows now is not what the desk holds: a new revision makes it look.
    console.revision += 1
    return counted(answer)


def _complain(answer: str) -> None:
    """Has Gradio show why a move was not taken."""
    try:
        why = str(message_of(answer)["refused"]["why"])
    except (ValueError, *GARBLED):
        return  # the box is empty, or somebody else has written into it
    raise refusal(f"That move was not taken. {why[:1000]}")


def _answer(console: Studio, message: str) -> Any:
    """The state, if the page does not have it yet."""
    try:
        asked = message_of(message)
        known, loaded, at = int(asked["rev"]), asked.get("loaded"), asked.get("t")
        at = at if at is None or isfinite(at) else None
    except (ValueError, *GARBLED):
        known, loaded, at = -1, None, None
    console.desk()
    if console.lab.notice(console.host.reply_length()):
        console.revision += 1
    return gr.skip() if known == console.revision else state_json(console, at, loaded)
