"""Wires what a page does with adapters beyond moving faders (shelf, profiles, heat maps, baking) to Python.

An order is a JSON object with `do` and what that needs, answered at once; a job is one that takes its time, and is
followed while it runs. `page/71_works.js` tells the form of both.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import gradio as gr

from . import baking, heat, profiles, shelf
from .comparing import FOR_PEOPLE, page_of
from .wire import at_the_root, wire
from .works import Job, News, sentence

if TYPE_CHECKING:
    from .console import Console

Order = Callable[["Console", str, Mapping[str, Any]], News]
Work = Callable[["Console", Job, Mapping[str, Any]], News]

# "multiple": what is begun while Gradio has not closed the event before would otherwise be dropped in silence.
_HIDDEN: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "multiple"}
_counted = itertools.count(1)


def build_adapters(console: Console) -> None:
    """Places the shelf and the bakery where the open Gradio context is."""
    listen(console)
    gr.HTML('<div id="lora-mixer-works"></div>')
    with at_the_root():
        order, answer, start, news = (wire(f"lora-mixer-works-{name}") for name in ("order", "answer", "start", "news"))
    news.change(None, [news], None, js=_receiver("news"))
    answer.change(None, [answer], None, js=_receiver("answered"))
    chat, menu = list(console.host.chat_inputs()), list(console.host.adapter_menu())
    # Not in the queue: an order must not wait behind a generation.
    order.input(_obeyer(console), [order], [answer], queue=False, **_HIDDEN)
    begun = start.input(_starter(console), [start, *chat], [news], **_HIDDEN)
    if menu:
        begun.then(lambda: _menu(console), None, menu, **_HIDDEN)


def listen(console: Console) -> None:
    """Has profiles put back by themselves when their adapters are loaded, whoever loads them."""
    console.on_adapters = lambda desk, names: profiles.restore(console, desk, names)


def obey(console: Console, page: str, message: Mapping[str, Any]) -> News:
    """Does what a page says, and answers it."""
    try:
        answer = ORDERS[message["do"]](console, page, message)
    except FOR_PEOPLE as error:
        answer = {"refused": sentence(str(error))}
    except (KeyError, TypeError, IndexError) as error:
        answer = {"refused": f"The page said something that nobody understands: {error!r}"}
    return {"re": message.get("seq"), "job": console.works.job.to_dict(), **answer}


def begin(
    console: Console, page: str, message: Mapping[str, Any], values: Sequence[Any]
) -> Generator[News, None, None]:
    """Does a job, and yields what a page must be told.

    Raises:
        Exception: whatever the job ended with, after the page was told.
    """
    do, key = str(message.get("do")), str(message.get("key", ""))
    work = JOBS.get(do)
    if work is None:
        raise ValueError(f"nobody knows how to {do!r}")
    said = {**message, "values": values, "page": page}
    job = None
    with closing(console.works.run(do, key, page, lambda job: work(console, job, said))) as steps:
        for job in steps:
            yield {"job": job.to_dict()}
    if job is None:
        return
    if job.error is not None:
        raise job.error
    yield {"job": job.to_dict(), **job.news}


def _obeyer(console: Console) -> Any:
    def order(message: str, request: gr.Request) -> str:
        return _text(obey(console, page_of(request), json.loads(message or '{"do": "job"}')))

    return order


def _starter(console: Console) -> Any:
    def start(message: str, request: gr.Request, *values: Any) -> Iterator[str]:
        try:
            said = json.loads(message)
            with closing(begin(console, page_of(request), said, values)) as all_news:
                for news in all_news:
                    yield _text(news)
        except Exception as error:
            why = sentence(str(error) or type(error).__name__)
            failed = {"what": "", "key": _key(message), "text": why, "part": None, "running": False, "failed": True}
            yield _text({"job": failed})
            if isinstance(error, FOR_PEOPLE):
                raise gr.Error(why) from error
            raise

    return start


def _key(message: str) -> str:
    try:
        return str(json.loads(message).get("key", ""))
    except (ValueError, AttributeError):
        return ""


def _text(news: News) -> str:
    """Gradio passes on only what differs from what the page got before: each text is one of its own."""
    return json.dumps({"n": next(_counted), **news}, allow_nan=False, separators=(",", ":"))


def _menu(console: Console) -> Any:
    updates = list(console.host.adapter_menu_updates())
    return updates[0] if len(updates) == 1 else updates


def _receiver(name: str) -> str:
    return f"(text) => {{ window.loraMixer && window.loraMixer.works && window.loraMixer.works.{name}(text); }}"


def _job(console: Console, page: str, message: Mapping[str, Any]) -> News:
    """How the job under way stands, and what came of it, for a page that has missed that."""
    job = console.works.job
    return {} if job.running else dict(job.news)


def _stop(console: Console, page: str, message: Mapping[str, Any]) -> News:
    console.works.stop()
    return {}


ORDERS: dict[str, Order] = {
    "job": _job,
    "stop": _stop,
    "shelf": shelf.look,
    "note": shelf.note,
    "bakery": baking.setting,
    "plan": baking.plan,
    "loudness": heat.loudness,
    "profiles": profiles.look,
    "save": profiles.save,
    "put": profiles.put,
    "rename": profiles.rename,
    "change": profiles.change,
    "delete": profiles.delete,
    "export": profiles.export,
    "import": profiles.take_in,
    "shape": profiles.shape,
    "measured": heat.remembered,
    "silence idle": heat.silence_idle,
    "keep top": heat.keep_top,
}
JOBS: dict[str, Work] = {
    "load": shelf.load,
    "unload": shelf.unload,
    "checkpoints": shelf.checkpoints,
    "bake": baking.bake,
    "impact": heat.impact,
}
