"""Wires what a page does with adapters beyond moving faders (shelf, profiles, heat maps, baking) to Python.

An order is answered at once; a job is one that takes its time, and is followed while it runs.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

import gradio as gr

from ..desk import crossfade, heat_maps, profiles
from ..learn import orders as learning
from ..page.jobs import Job, News
from ..page.messages import message_of, number_of
from ..page.orders import Moves, OpenPage, Orders
from ..page.wire import QUEUED, answers, follows, hand_over, wires
from . import bake, recipe, shelf

if TYPE_CHECKING:
    from ..page.studio import Studio


def build_adapters(console: Studio) -> None:
    """Places the shelf and the bakery where the open Gradio context is."""
    listen(console)
    gr.HTML('<div id="lora-mixer-works"></div>')
    order, answer, start, news = wires("works", "order", "answer", "start", "news")
    hand_over(news, "works", "news")
    hand_over(answer, "works", "answered")
    answers(console, ORDERS, order, answer)
    begun = follows(console, begin, start, news, _failed, list(console.host.chat_inputs()))
    if menu := list(console.host.adapter_menu()):
        begun.then(lambda: _menu(console), None, menu, **QUEUED)


def listen(console: Studio) -> None:
    """Has profiles put back by themselves when their adapters are loaded, whoever loads them."""
    console.on_adapters = lambda desk, names: profiles.restore(console, desk, names)


def begin(page: OpenPage, said: str | Mapping[str, Any]) -> Generator[News, None, None]:
    """Does a job, and yields what a page must be told.

    Raises:
        Exception: whatever the job ended with, after the page was told.
    """
    message, works = message_of(said), page.console.works
    order, given = JOBS.read(message)
    do, key, seq = message["do"], str(message.get("key", "")), number_of(message) or 0
    job = None
    with closing(works.run(do, key, page.id, lambda job: order.do(page, job, **given), seq)) as steps:
        for job in steps:
            yield {"job": job.to_dict()}
    if job is None:
        return
    if job.error is not None:
        raise job.error
    yield {"job": job.to_dict(), **job.news}


def _failed(page: OpenPage, message: Mapping[str, Any], why: str) -> News:
    """What a page is told of a job that was not begun, or did not end well."""
    job = Job(key=str(message.get("key", "")), text=why, seq=number_of(message) or 0)
    return {"job": {**job.to_dict(), "failed": True}}


def _menu(console: Studio) -> Any:
    updates = list(console.host.adapter_menu_updates())
    return updates[0] if len(updates) == 1 else updates


def _how_it_stands(page: OpenPage) -> News:
    return {"job": page.console.works.job.to_dict()}


def _job(page: OpenPage, *, of: int = 0) -> News:
    """How the job under way stands, and what came of the one that a page asks about, for one that has missed that."""
    job = page.console.works.job
    return {} if job.running or job.seq != of else dict(job.news)


def _stop(page: OpenPage) -> News:
    page.console.works.stop()
    return {}


ORDERS = Moves(
    {
        "job": _job,
        "stop": _stop,
        "shelf": shelf.look,
        "note": shelf.note,
        "bakery": bake.setting,
        "plan": bake.plan,
        "recipe": recipe.look,
        "loudness": heat_maps.loudness,
        "spectra": heat_maps.spectra,
        "profiles": profiles.look,
        "save": profiles.save,
        "put": profiles.put,
        "rename": profiles.rename,
        "change": profiles.change,
        "delete": profiles.delete,
        "export": profiles.export,
        "import": profiles.take_in,
        "shape": profiles.shape,
        "crossfade": crossfade.choose,
        "crossfade over": crossfade.over,
        "measured": heat_maps.remembered,
        "silence idle": heat_maps.silence_idle,
        "keep top": heat_maps.keep_top,
        **learning.ORDERS,
    },
    always=_how_it_stands,
)
JOBS = Orders(
    {
        "load": shelf.load,
        "unload": shelf.unload,
        "open up": shelf.open_up,
        "close up": shelf.close_up,
        "checkpoints": shelf.checkpoints,
        "bake": bake.bake,
        "estimate": heat_maps.estimate,
        "impact": heat_maps.impact,
        **learning.JOBS,
    }
)
