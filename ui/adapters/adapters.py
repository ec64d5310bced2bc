"""Wires what a page does with adapters beyond moving faders (shelf, profiles, heat maps, baking) to Python.

An order is a JSON object with `do` and what that needs, answered at once; a job is one that takes its time, and is
followed while it runs. `page/messages.js` tells the form of both.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import gradio as gr

from ..desk import heat_maps, profiles
from ..page.jobs import Job, News
from ..page.messages import message_of
from ..page.toast import refusal
from ..page.trouble import told
from ..page.wire import (
    FOR_PEOPLE,
    GARBLED,
    LIVE,
    QUEUED,
    counted,
    hand_over,
    heard,
    not_understood,
    number_of,
    page_of,
    wires,
)
from . import bake, shelf

if TYPE_CHECKING:
    from ..page.studio import Studio

Order = Callable[["Studio", str, Mapping[str, Any]], News]
Work = Callable[["Studio", Job, Mapping[str, Any]], News]


def build_adapters(console: Studio) -> None:
    """Places the shelf and the bakery where the open Gradio context is."""
    listen(console)
    gr.HTML('<div id="lora-mixer-works"></div>')
    order, answer, start, news = wires("works", "order", "answer", "start", "news")
    hand_over(news, "works", "news")
    hand_over(answer, "works", "answered")
    chat, menu = list(console.host.chat_inputs()), list(console.host.adapter_menu())
    # Not in the queue: an order must not wait behind a generation.
    order.input(_obeyer(console), [order], [answer], **LIVE)
    begun = start.input(_starter(console), [start, *chat], [news], **QUEUED)
    if menu:
        begun.then(lambda: _menu(console), None, menu, **QUEUED)


def listen(console: Studio) -> None:
    """Has profiles put back by themselves when their adapters are loaded, whoever loads them."""
    console.on_adapters = lambda desk, names: profiles.restore(console, desk, names)


def obey(console: Studio, page: str, message: Mapping[str, Any]) -> News:
    """Does what a page says, and answers it."""
    try:
        answer = ORDERS[message["do"]](console, page, message)
    except GARBLED as error:
        answer = {"refused": not_understood(error)}
    except FOR_PEOPLE as error:
        answer = {"refused": told(error)}
    return {"re": number_of(message), "job": console.works.job.to_dict(), **answer}


def begin(console: Studio, page: str, message: Mapping[str, Any], values: Sequence[Any]) -> Generator[News, None, None]:
    """Does a job, and yields what a page must be told.

    Raises:
        Exception: whatever the job ended with, after the page was told.
    """
    do, key, seq = str(message.get("do")), str(message.get("key", "")), number_of(message) or 0
    work = JOBS.get(do)
    if work is None:
        raise ValueError(f"nobody knows how to {do[:80]!r}")
    said = {**message, "values": values, "page": page}
    job = None
    with closing(console.works.run(do, key, page, lambda job: work(console, job, said), seq)) as steps:
        for job in steps:
            yield {"job": job.to_dict()}
    if job is None:
        return
    if job.error is not None:
        raise job.error
    yield {"job": job.to_dict(), **job.news}


def _obeyer(console: Studio) -> Any:
    def order(message: str, request: gr.Request) -> str:
        try:
            said = message_of(message or '{"do": "job"}')
        except ValueError as error:
            return counted({"re": None, "job": console.works.job.to_dict(), "refused": told(error)})
        return counted(obey(console, page_of(request), said))

    return order


def _starter(console: Studio) -> Any:
    def start(message: str, request: gr.Request, *values: Any) -> Iterator[str]:
        try:
            said = message_of(message)
            with closing(begin(console, page_of(request), said, values)) as all_news:
                for news in all_news:
                    yield counted(news)
        except Exception as error:
            why = told(error)
            yield counted({"job": _failed(message, why)})
            if isinstance(error, FOR_PEOPLE):
                raise refusal(why) from error
            raise

    return start


def _failed(message: str, why: str) -> News:
    """What a page is told of a job that was not begun, or did not end well."""
    said = heard(message)
    return {**Job(key=str(said.get("key", "")), text=why, seq=number_of(said) or 0).to_dict(), "failed": True}


def _menu(console: Studio) -> Any:
    updates = list(console.host.adapter_menu_updates())
    return updates[0] if len(updates) == 1 else updates


def _job(console: Studio, page: str, message: Mapping[str, Any]) -> News:
    """How the job under way stands, and what came of the one that a page asks about, for one that has missed that."""
    job = console.works.job
    return {} if job.running or job.seq != message.get("of", 0) else dict(job.news)


def _stop(console: Studio, page: str, message: Mapping[str, Any]) -> News:
    console.works.stop()
    return {}


ORDERS: dict[str, Order] = {
    "job": _job,
    "stop": _stop,
    "shelf": shelf.look,
    "note": shelf.note,
    "bakery": bake.setting,
    "plan": bake.plan,
    "loudness": heat_maps.loudness,
    "profiles": profiles.look,
    "save": profiles.save,
    "put": profiles.put,
    "rename": profiles.rename,
    "change": profiles.change,
    "delete": profiles.delete,
    "export": profiles.export,
    "import": profiles.take_in,
    "shape": profiles.shape,
    "measured": heat_maps.remembered,
    "silence idle": heat_maps.silence_idle,
    "keep top": heat_maps.keep_top,
}
JOBS: dict[str, Work] = {
    "load": shelf.load,
    "unload": shelf.unload,
    "checkpoints": shelf.checkpoints,
    "bake": bake.bake,
    "impact": heat_maps.impact,
}
