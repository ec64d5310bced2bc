"""Wires the lab's part of the page, which is one element of the page's own script, to Python."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal

import gradio as gr

from ...hosts.protocol import HostError
from ...hosts.toast import refusal, tell
from ..page.messages import Name, Typed, Words, counted
from ..page.orders import Answer, OpenPage, Orders
from ..page.trouble import FOR_PEOPLE, told
from ..page.wire import QUEUED, answers, follows, hand_over, moves_chat, page_of, wires
from .ask import Source, Wish, ask
from .orders import ORDERS, USES
from .reply_scores import measure
from .sheet import Line
from .sweep_charts import Charting

if TYPE_CHECKING:
    from ..page.studio import Studio

Chart = Literal["sweep", "text"]
CHARTS: tuple[Chart, ...] = ("sweep", "text")


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
    answers(console, ORDERS, order, answer)
    moves_chat(console, USES, use, answer, queued=True)
    follows(console, STARTS.begin, start, news, _ended, list(console.host.chat_inputs()))
    follows(console, STARTS.begin, measure, news, _ended)
    draw.input(_drawer(console), [draw], [news, *plots.values()], **QUEUED)
    # In the queue: Gradio 6 shows no error of an event that is not.
    tells.input(lambda message: _told(console, message), [tells], None, **QUEUED)


def _compare(
    page: OpenPage, *, source: Source, text: Words = "", seeds: Typed, length: Typed = None, batched: bool
) -> Iterator[Answer]:
    """Asks all columns."""
    return ask(page.console, page.id, Wish.of(source, text, seeds, batched, length), page.chat)


def _measure(page: OpenPage) -> Iterator[Answer]:
    """How the columns judge each other's replies."""
    sheet = page.console.lab.sheet(page.id)
    if sheet is None:
        raise HostError("There is nothing to measure yet: compare first.")
    return measure(page.console, sheet)


def _tell(page: OpenPage, *, text: Words, good: bool = False) -> None:
    """Has the host show what the page wants to be read: an order that was refused, or what was done."""
    if not good:
        raise refusal(text[:2000])
    tell(text[:2000])


def _told(console: Studio, message: str) -> None:
    try:
        TELLS.follow(OpenPage(console), message)
    except gr.Error:  # a ValueError in newer Gradios: it is what is to be shown already
        raise
    except FOR_PEOPLE as error:
        raise refusal(told(error)) from error


def _ended(page: OpenPage, message: Mapping[str, Any], why: str) -> Answer:
    """The line under the buttons, after something that did not end well: why, or as it was before."""
    return _as_before(page) if message.get("do") == "measure" else _line(why)


def _as_before(page: OpenPage) -> Answer:
    sheet = page.console.lab.sheet(page.id)
    return _line(sheet.line.text if sheet else "")


def _line(text: str, running: bool = False) -> Answer:
    return {"line": Line(text, running).to_dict()}


def _draw(page: OpenPage, *, chart: Chart, text: Words = "", axis: Name = "") -> Generator[Line, None, Any]:
    """A chart; answers it when it is drawn."""
    sheet, charting = page.console.lab.sheet(page.id), Charting(page.console)
    try:
        if chart == "text":
            figure = charting.of_text(text, axis)
        elif sheet is None:
            raise HostError("There is nothing to draw yet: compare first.")
        else:
            figure = yield from charting.of_sweep(sheet)
    except Exception:
        if charting.stopped:
            return None
        raise
    if sheet is not None:
        sheet.figures.append(figure)
    return figure


STARTS = Orders({"compare": _compare, "measure": _measure})
DRAWS = Orders({"draw": _draw})
TELLS = Orders({"tell": _tell})


def _drawer(console: Studio) -> Any:
    def draw(message: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        page = OpenPage(console, page_of(request))
        before, nothing = _as_before(page), [gr.skip() for _ in CHARTS]
        try:
            order, said = DRAWS.read(message)
            # The one that stands there is of something else, or of the same: until there is a new one there is none.
            gone = [gr.update(value=None, visible=False) if name == said["chart"] else gr.skip() for name in CHARTS]
            yield counted(_line("Drawing …", running=True)), *gone
            figure = yield from _drawing(order.do(page, **said), nothing)
            shown = gr.skip() if figure is None else gr.update(value=figure, visible=True)
            yield counted(before), *[shown if name == said["chart"] else gr.skip() for name in CHARTS]
        except Exception as error:
            yield counted(before), *nothing
            if isinstance(error, FOR_PEOPLE):
                raise refusal(told(error)) from error
            raise

    return draw


def _drawing(steps: Generator[Line, None, Any], nothing: Sequence[Any]) -> Generator[tuple[Any, ...], None, Any]:
    """Tells a page how far a chart is; answers the chart."""
    with closing(steps):
        while True:
            try:
                line = next(steps)
            except StopIteration as end:
                return end.value
            yield counted({"line": line.to_dict()}), *nothing
