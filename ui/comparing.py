"""Comparing two settings side by side: the same prompt, the same dice, in one batch."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from ..hosts.protocol import HostError, Request
from ..lora_ops.mix import Mix
from . import plays, replies
from .describe import describe

if TYPE_CHECKING:
    from ..lora_ops import Run
    from .console import Console
    from .fader_board import FaderBoard

SIDES = ("A", "B")
_FROM_CHAT, _TYPED = "chat", "text"
_IN_ROWS, _ALONE = "rows", "alone"
#: A page that redraws more often than this does not read any smoother.
_SECONDS_BETWEEN_UPDATES = 0.1


@dataclass(frozen=True)
class _Side:
    """The components of one column."""

    plays: Any
    kept: Any
    keep: Any
    use: Any
    reply: Any


@dataclass(frozen=True)
class _Said:
    """What the last comparison said, and to what, so that a reply is not put under another question."""

    prompt: str
    texts: tuple[str, ...]


def build_comparing(console: Console, board: FaderBoard) -> None:
    """Places the comparison where the open Gradio context is."""
    with gr.Column(elem_id="lora-mixer-compare"):
        gr.HTML('<div class="lora-mixer-heading"><h3>Compare</h3>Two settings, one prompt, the same dice.</div>')
        with gr.Row(elem_classes=["lora-mixer-question"]):
            source = gr.Radio(
                [("The chat's last turn, asked again", _FROM_CHAT), ("A text of my own", _TYPED)],
                value=_FROM_CHAT,
                label="Prompt",
                elem_id="lora-mixer-source",
            )
            manner = gr.Radio(
                [("Both in one batch", _IN_ROWS), ("One after the other", _ALONE)],
                value=_IN_ROWS,
                label="Run",
                elem_id="lora-mixer-manner",
            )
        text = gr.Textbox(
            label="Text", lines=3, max_lines=12, visible=False, elem_id="lora-mixer-text", placeholder="Ask something"
        )
        with gr.Row(elem_classes=["lora-mixer-buttons"]):
            start = gr.Button("Compare", variant="primary", elem_id="lora-mixer-start", interactive=False)
            stop = gr.Button("Stop", elem_id="lora-mixer-stop", interactive=False)
        why_not = gr.HTML("", visible=False, elem_id="lora-mixer-why-not")
        status = gr.HTML(replies.status(""), elem_id="lora-mixer-status")
        with gr.Row(elem_classes=["lora-mixer-columns"]):
            sides = [_build_side(name) for name in SIDES]
    said = gr.State(None)

    source.change(lambda chosen: gr.update(visible=chosen == _TYPED), [source], [text], queue=False)
    for name, side in zip(SIDES, sides, strict=True):
        side.keep.click(lambda: _keep(console), None, [side.kept, side.plays], show_progress="hidden")
        side.use.click(
            _user_of(console, SIDES.index(name)), [said, *console.host.chat_inputs()], list(console.host.chat_outputs())
        )
    start.click(
        _comparer(console),
        [source, text, manner, *(s.plays for s in sides), *(s.kept for s in sides), *console.host.chat_inputs()],
        [said, status, start, stop, *(s.reply for s in sides), *(s.use for s in sides)],
        show_progress="hidden",
    )
    stop.click(lambda: console.stop_comparing(), None, None, queue=False)
    board.state.change(lambda: _availability(console), None, [start, why_not], queue=False, show_progress="hidden")


def _build_side(name: str) -> _Side:
    with gr.Column(min_width=280, elem_classes=["lora-mixer-side"]):
        with gr.Row():
            menu = gr.Dropdown(
                plays.choices(""),
                value=plays.FADERS if name == SIDES[0] else plays.BASE,
                label=f"Column {name} plays",
                elem_id=f"lora-mixer-plays-{name}",
            )
        with gr.Row(elem_classes=["lora-mixer-buttons"]):
            keep = gr.Button(f"Keep the faders as {name}", size="sm", elem_id=f"lora-mixer-keep-{name}")
            use = gr.Button("Use this reply", size="sm", interactive=False, elem_id=f"lora-mixer-use-{name}")
        reply = gr.HTML(replies.empty(name), elem_id=f"lora-mixer-reply-{name}")
    return _Side(menu, gr.State(None), keep, use, reply)


def _availability(console: Console) -> tuple[Any, Any]:
    """Whether there is anything to compare, and if not, why."""
    trouble = console.host.trouble()
    reason = escape(f"{trouble.title}: {trouble.advice}") if trouble else ""
    startable = gr.skip() if console.comparing else gr.update(interactive=trouble is None)
    return startable, gr.update(value=replies.status(reason), visible=bool(reason))


def _keep(console: Console) -> tuple[Mix, Any]:
    """Keeps the faders as they stand for a column, and has the column play them."""
    desk = console.desk()
    if desk is None:
        raise gr.Error("There is no adapter yet whose faders could be kept.")
    mix = console.panel.effective(desk.adapters.values())
    described = describe(mix, [name for name in desk.adapters if name in desk.playing.names()])
    return mix, gr.update(choices=plays.choices(described), value=plays.KEPT)


def _comparer(console: Console) -> Any:
    def compare_now(source: str, text: str, manner: str, *rest: Any) -> Iterator[tuple[Any, ...]]:
        menus, kept, values = rest[:2], rest[2:4], rest[4:]
        yield _showing(console, "Waiting for the model …", running=True)
        try:
            desk = console.desk()
            if desk is None:
                raise HostError("There is no adapter to compare.")
            columns = [
                plays.column(name, menu, mix, desk, console.panel)
                for name, menu, mix in zip(SIDES, menus, kept, strict=True)
            ]
            host = console.host
            request = host.ask_again(values) if source == _FROM_CHAT else host.ask(text, values)
            run = _run(console, request, columns, manner)
            with console.comparison(run):
                yield from _updates(console, run, [column.label for column in columns], request)
            yield _finished(run, request, to_the_chat=source == _FROM_CHAT)
        except Exception as error:
            yield _showing(console, escape(f"{error}"), running=False)
            if isinstance(error, (HostError, ValueError, RuntimeError)):
                raise gr.Error(str(error)) from error
            raise

    return compare_now


def _run(console: Console, request: Request, columns: Sequence[Any], manner: str) -> Run:
    from ..lora_ops import compare

    desk = console.desk()
    assert desk is not None
    return compare(
        desk,
        console.host.tokenizer,
        request.input_ids,
        columns,
        seed=request.seed,
        generation=request.generation,
        stop_strings=request.stop_strings,
        skip_special_tokens=request.skip_special_tokens,
        batched=manner == _IN_ROWS,
        alone=lambda: console.host.generate(request),
    )


def _updates(console: Console, run: Run, labels: Sequence[str], request: Request) -> Iterator[tuple[Any, ...]]:
    limit = request.generation.get("max_new_tokens")
    shown = 0.0
    for update in run:
        if time.monotonic() - shown < _SECONDS_BETWEEN_UPDATES:
            continue
        shown = time.monotonic()
        columns = [
            replies.running(label, request.opening + text, tokens, update.seconds, finished)
            for label, text, tokens, finished in zip(labels, update.texts, update.tokens, update.finished, strict=True)
        ]
        yield _showing(console, replies.progress(update, limit), running=True, columns=columns)


def _showing(console: Console, line: str, running: bool, columns: Sequence[str] = ()) -> tuple[Any, ...]:
    """Everything that a comparison under way, or one that failed, changes on the page."""
    ready = not running and console.host.trouble() is None
    uses = [gr.update(interactive=False) for _ in SIDES]
    shown = columns or [gr.skip() for _ in SIDES]
    buttons = gr.update(interactive=ready), gr.update(interactive=running)
    return gr.skip(), replies.status(line), *buttons, *shown, *uses


def _finished(run: Run, request: Request, to_the_chat: bool) -> tuple[Any, ...]:
    """The columns with all that they said. Replies to a text of one's own are no replies to the chat's last turn."""
    columns = [replace(column, text=request.opening + column.text) for column in run.result.columns]
    line = replies.summary(run.result)
    if not to_the_chat:
        line += " · these answer a text of your own, so they cannot go into the chat"
    said = _Said(request.prompt, tuple(column.text for column in columns))
    buttons = gr.update(interactive=True), gr.update(interactive=False)
    uses = [gr.update(interactive=to_the_chat and bool(text)) for text in said.texts]
    return said, replies.status(line), *buttons, *(replies.done(column) for column in columns), *uses


def _user_of(console: Console, at: int) -> Any:
    def use_reply(said: _Said | None, *values: Any) -> Any:
        try:
            if said is None:
                raise HostError("There is no reply yet: compare first.")
            if console.host.prompt_again(values) != said.prompt:
                raise HostError("The chat has moved on since these replies were written: compare again to use one.")
            return list(console.host.use_reply(said.texts[at], values))
        except HostError as error:
            raise gr.Error(str(error)) from error

    return use_reply
