"""The fader board: a place for the page's script to draw in, and the wires between it and the desk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import gradio as gr

from ..page.panel import Panel
from ..page.state import state_json
from ..page.toast import refusal as error
from ..page.trouble import reason
from ..page.wire import FOR_PEOPLE, GARBLED, at_the_root, heard, wire

if TYPE_CHECKING:
    from ..page.studio import Studio

#: For moves that must not wait behind a generation in Gradio's queue, and of which only the last one matters.
_LIVE: dict[str, Any] = {"queue": False, "show_progress": "hidden", "trigger_mode": "always_last"}
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
        state, panel, poll, refusal = (wire(f"lora-mixer-{name}") for name in ("state", "panel", "poll", "refusal"))
    state.change(None, [state], None, js=_RECEIVE)
    panel.input(lambda message: _take(console, message), [panel], [refusal], **_LIVE)
    # A second step, in the queue: Gradio 6 shows no error of an event that is not queued.
    refusal.change(_complain, [refusal], None, show_progress="hidden")
    answered = poll.input(lambda message: _answer(console, message), [poll], [state], **_LIVE)
    # Most answers bring nothing new; this tells the script that Python is still there.
    answered.success(None, None, None, js=_PONG, queue=False, show_progress="hidden")
    return FaderBoard(state, poll)


def _take(console: Studio, message: str) -> Any:
    """Does what the page's script says: a moved panel, a range, or an offer that was accepted; or says why not."""
    try:
        said = heard(message)
        if "panel" in said:
            console.move(Panel.from_dict(said["panel"]))
        elif "fader" in said:
            console.set_range(float(said["fader"]["min"]), float(said["fader"]["max"]))
        elif said.get("do") == "accept_offer":
            {"separate": console.play_sources, "blend": console.play_blend}[said["id"]]()
    except (*FOR_PEOPLE, *GARBLED) as error:
        # Whatever the page shows now is not what the desk holds: a new revision makes it look.
        console.revision += 1
        return json.dumps([console.revision, f"That move was not taken: {reason(error)[:1000]}"])
    return gr.skip()


def _complain(refusal: str) -> None:
    """Has Gradio show why a move was not taken."""
    try:
        why = str(json.loads(refusal)[1])
    except (ValueError, *GARBLED):
        return  # the box is empty, or somebody else has written into it
    raise error(why)


def _answer(console: Studio, message: str) -> Any:
    """The state, if the page does not have it yet."""
    try:
        asked = heard(message)
        known, loaded, at = int(asked["rev"]), asked.get("loaded"), asked.get("t")
        at = at if at is None or isfinite(at) else None
    except (ValueError, *GARBLED):
        known, loaded, at = -1, None, None
    console.desk()
    if console.lab.notice(console.host.reply_length()):
        console.revision += 1
    return gr.skip() if known == console.revision else state_json(console, at, loaded)
