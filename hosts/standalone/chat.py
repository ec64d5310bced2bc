"""The chat tab of the standalone page: its components, and what happens when they are used."""

from __future__ import annotations

import asyncio
import html
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import gradio as gr

from ...lora_ops import log
from ...lora_ops.torch_errors import in_words
from ..protocol import HostError, Request
from ..toast import refusal
from . import chat_log
from .history import History
from .host import StandaloneHost
from .prompt import Settings
from .turn import turn

#: What the button at the head of the page says while it is doing what it offered.
STOP = "Stop"
#: Seconds between two redraws of a reply that grows.
REDRAW = 0.05
#: Seconds between two looks at a model that is loading.
GLANCE = 0.25


class Chat:
    """Builds the chat inside the current Gradio context, and hands its components to `host`."""

    def __init__(self, host: StandaloneHost) -> None:
        self.host = host
        # One for each reply that is being made or waits for its turn, by the session it is for.
        self._stops: dict[str, threading.Event] = {}
        self._build()
        host.show_chat([self.history, *self.settings], self._view_parts(), self.view)
        self._listen()

    # -- components --

    def _build(self) -> None:
        self.history = gr.State(History())
        with gr.Row(elem_id="chat-columns"):
            with gr.Column(scale=3, min_width=320, elem_id="lora-mixer-chat"):
                self._build_talk()
            with (
                gr.Column(scale=1, min_width=280, elem_id="chat-side"),
                gr.Accordion("Settings", open=True, elem_id="chat-settings"),
            ):
                self.settings = build_settings()

    def _build_talk(self) -> None:
        # Two elements, so that while the last reply grows nothing else is drawn again.
        with gr.Column(elem_id="chat-log"), gr.Column(elem_id="chat-turns"):
            self.past = gr.HTML(chat_log.past(History()), elem_id="chat-past")
            self.last = gr.HTML(chat_log.last(History()), elem_id="chat-last")
        self.status = gr.HTML("", elem_id="chat-status")
        with gr.Row(elem_id="chat-say"):
            self.input = gr.Textbox(
                elem_id="chat-input",
                placeholder="Type a message",
                label="Message",
                show_label=False,
                container=False,
                lines=1,
                max_lines=8,
                autofocus=True,
                scale=1,
            )
            big: dict[str, Any] = {"scale": 0, "min_width": 88}
            self.send = gr.Button("Send", variant="primary", elem_id="chat-send", interactive=False, **big)
            self.stop = gr.Button("Stop", variant="stop", elem_id="chat-stop", visible=False, **big)
        with gr.Row(elem_id="chat-tools"):
            small: dict[str, Any] = {"size": "sm", "scale": 0, "interactive": False}
            self.regenerate = gr.Button("Regenerate", elem_id="chat-regenerate", min_width=110, **small)
            self.go_on = gr.Button("Continue", elem_id="chat-continue", min_width=96, **small)
            self.previous = gr.Button("‹", elem_id="chat-previous", min_width=36, **small)
            self.version = gr.HTML("", elem_id="chat-version")
            self.next = gr.Button("›", elem_id="chat-next", min_width=36, **small)
            self.clear = gr.Button("Clear", elem_id="chat-clear", min_width=72, **small)

    # -- what the page shows of a history --

    def _view_parts(self) -> list[Any]:
        """The components whose look follows from the history; `view` has an update for each."""
        return [
            self.history, self.past, self.last, self.previous, self.version, self.next,
            self.regenerate, self.go_on, self.clear, self.send, self.stop,
        ]  # fmt: skip

    def view(self, history: History) -> list[Any]:
        last = history.last
        versions = len(last.versions) if last else 0
        at = last.shown if last else 0
        idle = not history.busy
        return [
            history,
            chat_log.past(history),
            chat_log.last(history),
            gr.update(interactive=idle and at > 0),
            f"<span>{at + 1} / {versions}</span>" if versions > 1 else "",
            gr.update(interactive=idle and at + 1 < versions),
            gr.update(interactive=idle and versions > 0),
            gr.update(interactive=idle and versions > 0),
            gr.update(interactive=idle and versions > 0),
            gr.update(visible=idle),
            gr.update(visible=history.busy),
        ]

    # -- events --

    def _listen(self) -> None:
        view = self._view_parts()
        answer: dict[str, Any] = {
            "outputs": [*view, self.status, self.input],
            "show_progress": "hidden",
            "concurrency_limit": None,
        }
        quick: dict[str, Any] = {"queue": False, "show_progress": "hidden"}
        said = gr.on([self.input.submit, self.send.click], self.say, [self.input, *self._inputs()], **answer)
        again = gr.on([self.regenerate.click], self.say_again, self._inputs(), **answer)
        further = gr.on([self.go_on.click], self.say_more, self._inputs(), **answer)
        for event in (said, again, further):
            # Also after a failure: whatever happened, the page is not left waiting.
            event.then(self.settle, [self.history], view, **quick)
        length = self.settings[1]
        self.host.longest = length.value
        length.change(self._set_longest, [length], None, **quick)
        self.stop.click(self.stop_session, [self.history], view, **quick)
        self.clear.click(lambda: [*self.view(History()), ""], None, [*view, self.status], **quick)
        self.previous.click(lambda history: self.view(history.show(-1)), [self.history], view, **quick)
        self.next.click(lambda history: self.view(history.show(+1)), [self.history], view, **quick)

    def _set_longest(self, tokens: float | None) -> None:
        self.host.longest = int(tokens) if tokens else None

    def _inputs(self) -> list[Any]:
        return [self.history, *self.settings]

    def say(self, request: gr.Request, text: str, *values: Any) -> Iterator[list[Any]]:
        """The user's message, and the model's reply as it grows."""
        history: History = values[0]
        if not (text or "").strip():
            raise refusal("Type a message first.")
        yield from self._answer(history.say(text), values, text, request.session_hash or "")

    def say_again(self, request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        """The last turn answered once more; the replies so far are kept as versions."""
        history: History = values[0]
        if history.last is None:
            raise refusal("There is nothing to regenerate yet: say something first.")
        yield from self._answer(history, values, None, request.session_hash or "")

    def say_more(self, request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        """The reply that is shown goes on, under the faders as they stand now; as it was it is kept as a version."""
        history: History = values[0]
        if history.last is None or not history.last.reply:
            raise refusal("There is nothing to go on with yet: say something first.")
        yield from self._answer(history, values, None, request.session_hash or "", history.last.reply)

    def _answer(
        self, history: History, values: Sequence[Any], text: str | None, session: str, opening: str = ""
    ) -> Iterator[list[Any]]:
        """Yields updates while the last turn of `history` is answered. `text` is what was taken from the input for it;
        it goes back there if no reply comes of it. `opening` is what the reply goes on from."""
        if history.busy or session in self._stops:
            raise refusal("The last message is still being answered: wait, or stop it first.")
        try:
            _, settings = self.host.read(values)
            request = self.host.request(history, settings, opening)
        except HostError as error:
            log.note(error)
            raise refusal(str(error)) from None
        stop = self._stops[session] = threading.Event()
        history = replace(history.go_on() if opening else history.answer(""), busy=True)
        rest: str | Any = gr.update() if text is None else ""
        try:
            yield [*self.view(history), _status("Waiting for the model …"), rest]
            yield from self._stream(history, request, stop, text)
        finally:
            self._stops.pop(session, None)

    def _stream(
        self, history: History, request: Request, stop: threading.Event, text: str | None
    ) -> Iterator[list[Any]]:
        same = gr.update()
        unchanged = [same] * len(self._view_parts()[3:])
        started, drawn, tokens = time.perf_counter(), 0.0, 0
        failure: Exception | None = None
        try:
            with turn(self.host.lock, stop) as mine, closing(self.host.turn(request, stop)) as partials:
                started = time.perf_counter()
                for partial in partials if mine else ():
                    history, tokens = history.revise(request.opening + partial.text), partial.tokens
                    if time.perf_counter() - drawn > REDRAW:
                        drawn = time.perf_counter()
                        report = _report(tokens, drawn - started)
                        yield [history, same, chat_log.last(history), *unchanged, _status(report), same]
        except Exception as error:  # shown below, when the page is back in order
            failure = error
        seconds = time.perf_counter() - started
        settled = history.settled()
        lost = text is not None and len(settled.turns) < len(history.turns)
        report = _report(tokens, seconds, request.seed if request.sampling.do_sample else None)
        if stop.is_set():
            report = f"Stopped. {report}" if tokens else "Stopped before the first word."
        elif not tokens and failure is None and request.opening:
            report = "The model has nothing to add: for it the reply ends here. Another seed or other faders may go on."
        elif not tokens and failure is None:
            report = "The model said nothing at all. Try another seed, or say it in other words."
        yield [*self.view(settled), _status(report if failure is None else ""), text if lost else same]
        if failure is not None:
            log.note(failure, "the model could not answer")
            raise refusal(f"The model could not answer: {in_words(failure)}") from failure

    def stop_session(self, request: gr.Request, history: History) -> list[Any]:
        """Stop the reply of the page that asks for it; another page's goes on."""
        stop = self._stops.get(request.session_hash or "")
        if stop is not None:
            stop.set()
        return self.settle(request, history)

    def settle(self, request: gr.Request, history: History) -> list[Any]:
        """The view of a page that waits for nothing; no change for one whose reply is still on its way."""
        if (request.session_hash or "") in self._stops:
            return [gr.update()] * len(self._view_parts())
        return self.view(history.settled())

    # -- the head of the page --

    def head(self) -> list[Any]:
        """Updates for the page's header, the send button, and what the head of the page offers."""
        host = self.host
        if host.can_call_off:
            offer = gr.update(value=STOP, visible=True, interactive=True)
        else:
            offer = gr.update(value=host.offer, visible=bool(host.offer), interactive=not host.progress)
        return [header(host), gr.update(interactive=host.model is not None), offer]

    async def watch(self) -> AsyncIterator[list[Any]]:
        """`head` until the model is there, or will never be."""
        host = self.host
        shown = None
        while True:
            now = (host.progress, host.part, host.failure, host.model is not None)
            if now != shown:
                shown = now
                yield self.head()
            if host.failure or (host.model is not None and not host.progress):
                return
            await asyncio.sleep(GLANCE)

    async def accept(self) -> AsyncIterator[list[Any]]:
        """`head` while what it offered is being done; the same button calls that off."""
        if self.host.can_call_off:
            self.host.call_off()
            yield self.head()
            return
        doing = asyncio.ensure_future(asyncio.to_thread(self.host.accept))
        async for updates in self._meanwhile(doing):
            yield updates
        yield self.head()
        if (error := doing.exception()) is not None:
            log.note(error, "what the head of the page offered could not be done")
            raise refusal(in_words(error)) from error

    async def _meanwhile(self, doing: asyncio.Future[None]) -> AsyncIterator[list[Any]]:
        shown = None
        while not doing.done():
            if (now := (self.host.progress, self.host.part, self.host.can_call_off)) != shown:
                shown = now
                yield self.head()
            await asyncio.wait([doing], timeout=GLANCE)


def build_settings() -> list[Any]:
    """The components of `Settings`, in its order."""
    default = Settings()
    return [
        gr.Textbox(
            default.system,
            label="System prompt",
            placeholder="What the model is told before the chat begins",
            lines=2,
            max_lines=8,
            elem_id="chat-system",
        ),
        gr.Slider(
            1, 2048, default.max_new_tokens, step=1, label="Reply length (tokens)", elem_id="chat-max-new-tokens"
        ),
        gr.Checkbox(default.do_sample, label="Sample (off: always the likeliest token)", elem_id="chat-do-sample"),
        gr.Slider(0, 2, default.temperature, step=0.01, label="Temperature", elem_id="chat-temperature"),
        gr.Slider(0.01, 1, default.top_p, step=0.01, label="Top-p", elem_id="chat-top-p"),
        gr.Slider(0, 200, default.top_k, step=1, label="Top-k (0: off)", elem_id="chat-top-k"),
        gr.Slider(0, 1, default.min_p, step=0.01, label="Min-p (0: off)", elem_id="chat-min-p"),
        gr.Slider(
            1, 2, default.repetition_penalty, step=0.01, label="Repetition penalty", elem_id="chat-repetition-penalty"
        ),
        gr.Number(default.seed, precision=0, label="Seed (-1: a new one each time)", elem_id="chat-seed"),
        gr.Textbox(
            default.stop_strings,
            label="Stop at (one text a line)",
            lines=1,
            max_lines=4,
            elem_id="chat-stop-strings",
        ),
    ]


def header(host: StandaloneHost) -> str:
    """The line above the tabs: what is playing, or why nothing is."""
    name = f"<strong>{html.escape(host.model_name)}</strong>"
    if host.failure:
        return f"<div class='bad' role='alert'>{name}<span>{html.escape(host.failure)}</span></div>"
    player = host.player
    if player is None or host.progress:
        return (
            f"<div role='status'>{name}<span class='loading'>{html.escape(host.progress)}</span>{_bar(host.part)}</div>"
        )
    if (trouble := player.trouble()) is not None:
        text = f"{trouble.title}. {trouble.advice}"
        return f"<div class='bad' role='alert'>{name}<span>{html.escape(text)}</span></div>"
    size = f"{_short(player.parameters)} parameters, " if player.parameters else ""
    adapters = "".join(f"<span class='chip'>{html.escape(adapter)}</span>" for adapter in host.loaded_adapters())
    facts = f"<span class='facts'>{html.escape(size + player.facts)}</span>"
    return f"<div>{name}{facts}{adapters or '<span>no adapters</span>'}</div>"


def _bar(part: float | None) -> str:
    """How far it is, as a bar; none where nothing is counted."""
    if part is None:
        return ""
    percent = round(min(max(part, 0.0), 1.0) * 100)
    return f"<progress max='100' value='{percent}' aria-label='How far it is'></progress>"


def _short(number: int) -> str:
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)


def _report(tokens: int, seconds: float, seed: int | None = None) -> str:
    rate = f", {tokens / seconds:.1f} tokens/s" if seconds > 0.2 else ""
    dice = f", seed {seed}" if seed is not None else ""
    return f"{tokens} tokens, {seconds:.1f} s{rate}{dice}"


def _status(text: str) -> str:
    return f"<span role='status'>{html.escape(text)}</span>"
