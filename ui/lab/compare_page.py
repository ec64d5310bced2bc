"""Wires the lab's part of the page, which is one element of the page's own script, to Python."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...hosts.protocol import HostError
from ..page.toast import refusal, tell
from ..page.trouble import told
from ..page.wire import FOR_PEOPLE, GARBLED, LIVE, QUEUED, hand_over, heard, not_understood, page_of, wires
from .ask import Wish, ask
from .orders import obey
from .reply_scores import measure
from .sheet import Line
from .sweep_charts import Charting

if TYPE_CHECKING:
    from ..page.studio import Studio
    from .sheet import Sheet

CHARTS = ("sweep", "text")


def build_comparing(console: Studio) -> None:
    """Places the comparison where the open Gradio context is."""
    gr.HTML('<div id="lora-mixer-lab"></div>')
    with gr.Column(elem_id="lora-mixer-charts"):
        plots = {name: gr.Plot(visible=False, show_label=False, elem_id=f"lora-mixer-plot-{name}") for name in CHARTS}
    news, order, answer, start, use, tells, measure, draw = wires(
        "lab", "news", "order", "answer", "start", "use", "tell", "measure", "draw"
    )
    hand_over(news, "lab", "news")
    hand_over(answer, "lab", "answered")
    chat = list(console.host.chat_inputs())
    # Not in the queue: an order must not wait behind a generation, Stop least of all.
    order.input(_obeyer(console), [order], [answer], **LIVE)
    start.input(_asker(console), [start, *chat], [news], **QUEUED)
    measure.input(_measurer(console), [measure], [news], **QUEUED)
    draw.input(_drawer(console), [draw], [news, *plots.values()], **QUEUED)
    use.input(_user(console), [use, *chat], list(console.host.chat_outputs()), **QUEUED)
    # In the queue: Gradio 6 shows no error of an event that is not.
    tells.input(_tell, [tells], None, **QUEUED)


def _tell(message: str) -> None:
    """Has Gradio show what the page wants to be read: an order that was refused, or what was done."""
    said = heard(message)
    if text := str(said.get("text", ""))[:2000]:
        if not said.get("good"):
            raise refusal(text)
        tell(text)


def _obeyer(console: Studio) -> Any:
    def order(message: str, request: gr.Request) -> str:
        return json.dumps(obey(console, page_of(request), heard(message) if message else {"do": "look"}))

    return order


def _asker(console: Studio) -> Any:
    def start(message: str, request: gr.Request, *values: Any) -> Iterator[str]:
        try:
            wish = Wish.of(heard(message))
            with closing(ask(console, page_of(request), wish, values)) as all_news:
                for news in all_news:
                    yield json.dumps(news)
        except Exception as error:
            yield _line(told(error))
            if isinstance(error, FOR_PEOPLE):
                raise refusal(told(error)) from error
            raise

    return start


def _measurer(console: Studio) -> Any:
    def measure_now(message: str, request: gr.Request) -> Iterator[str]:
        sheet = console.lab.sheet(page_of(request))
        try:
            if sheet is None:
                raise HostError("There is nothing to measure yet: compare first.")
            with closing(measure(console, sheet)) as all_news:
                for news in all_news:
                    yield json.dumps(news)
        except FOR_PEOPLE as error:
            yield _ended(sheet)
            raise refusal(told(error)) from error

    return measure_now


def _drawer(console: Studio) -> Any:
    def draw(message: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        said = heard(message)
        sheet = console.lab.sheet(page_of(request))
        charting, nothing = Charting(console), [gr.skip() for _ in CHARTS]
        # The one that stands there is of something else, or of the same: until there is a new one there is none.
        gone = [gr.update(value=None, visible=False) if name == said["chart"] else gr.skip() for name in CHARTS]
        yield _line("Drawing …", running=True), *gone
        try:
            if said.get("chart") not in CHARTS:
                raise ValueError("nobody knows how to draw this")
            if said["chart"] == "sweep":
                if sheet is None:
                    raise HostError("There is nothing to draw yet: compare first.")
                figure = yield from _drawing(charting.of_sweep(sheet), nothing)
            else:
                figure = charting.of_text(str(said.get("text", "")), str(said.get("axis", "")))
            if sheet is not None:
                sheet.figures.append(figure)
            shown = [gr.update(value=figure, visible=True) if name == said["chart"] else gr.skip() for name in CHARTS]
            yield _ended(sheet), *shown
        except Exception as error:
            yield _ended(sheet), *nothing
            if charting.stopped:
                return
            if isinstance(error, FOR_PEOPLE):
                raise refusal(told(error)) from error
            raise

    return draw


def _drawing(steps: Generator[Line, None, Any], nothing: Sequence[Any]) -> Generator[tuple[Any, ...], None, Any]:
    """Tells a page how far a chart is; answers the chart."""
    while True:
        try:
            line = next(steps)
        except StopIteration as end:
            return end.value
        yield json.dumps({"line": line.to_dict()}), *nothing


def _ended(sheet: Sheet | None) -> str:
    """The line as it was before."""
    return _line(sheet.line.text if sheet else "")


def _line(text: str, running: bool = False) -> str:
    return json.dumps({"line": Line(text, running).to_dict()})


def _user(console: Studio) -> Any:
    def use(message: str, request: gr.Request, *values: Any) -> Any:
        try:
            sheet = console.lab.sheet(page_of(request))
            if sheet is None or sheet.to_chat is None:
                raise HostError("There is no reply yet: compare first.")
            if console.host.prompt_again(values) != sheet.to_chat:
                raise HostError("The chat has moved on since these replies were written: compare again to use one.")
            return list(console.host.use_reply(sheet.shown(0, int(heard(message)["column"])), values))
        except GARBLED as error:
            raise refusal(not_understood(error)) from error
        except FOR_PEOPLE as error:
            raise refusal(told(error)) from error

    return use
