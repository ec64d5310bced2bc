"""Filling the basket: replies that are typed, picked from what was compared, read from a file, or said in the chat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...hosts.protocol import HostError
from ...lora_ops.learning.examples import Example, read_examples
from ..lab.prompts import decoded
from ..page.jobs import Job, News
from ..page.messages import File, Name, Words
from ..page.orders import OpenPage, Refused
from .basket import Wanted
from .told import news

if TYPE_CHECKING:
    from ..lab.sheet import Sheet

TYPED, CHAT, PICKED = "typed", "the chat", "picked"


def type_in(page: OpenPage, *, prompt: Words, reply: Words) -> News:
    """A prompt and the reply that one wants, as they were typed."""
    if not prompt.strip():
        raise Refused("type what is asked first", "prompt")
    if not reply.strip():
        raise Refused("type the reply that you want", "reply")
    if not _add(page, [Wanted(Example(prompt, reply), TYPED)]):
        raise Refused("this reply to this prompt is among the examples already", "reply")
    return news(page)


def like(page: OpenPage, *, row: int, column: int) -> News:
    """A reply of the experiment that the page shows: more like this one."""
    sheet = page.console.lab.sheet(page.id)
    if sheet is None or not (0 <= row < len(sheet.rows) and 0 <= column < len(sheet.columns)):
        raise Refused("there is no such reply any more: compare again")
    reply = sheet.cells[row][column].text
    if not reply.strip():
        raise Refused("this reply is empty: there is nothing to learn from")
    room = page.console.classrooms.of(page.id)
    if not _add(page, [_picked(page, sheet, row, reply)]):
        return {"said": "This reply is among the examples already.", **news(page)}
    count = len(room.basket)
    more = "One more, and the tab Learn can begin." if count == 1 else "The tab Learn learns from them."
    return {"said": f"Picked as example {count}. {more}", **news(page)}


def _picked(page: OpenPage, sheet: Sheet, row: int, reply: str) -> Wanted:
    """What was said to a row, after the very tokens that were asked."""
    from ..lab.prompt_ids import prompt_ids

    asked = sheet.rows[row].asked
    if asked.messages and not asked.opening:
        return Wanted(Example(tuple(asked.messages), reply), PICKED)
    ids = prompt_ids(page.console, sheet, row)
    return Wanted(Example(tuple(ids), reply), PICKED, page.console.host.model_name, asked.label)


def read(page: OpenPage, *, name: Name, data: File) -> News:
    """A file of chats, one a line."""
    try:
        found = read_examples(decoded(data), name)
        added = _add(page, [Wanted(one, name) for one in found])
    except ValueError as error:
        raise Refused(error, "file") from error
    return {"said": f"{_examples(added)} from {name}.{_already(len(found) - added)}", **news(page)}


def chat(page: OpenPage, job: Job) -> News:
    """Every reply of the chat, each after all that was said before it."""
    host = page.console.host
    turns = [(said, reply) for said, reply in host.turns(page.chat)]
    if not any(reply.strip() for _, reply in turns):
        raise HostError("The chat has no reply to learn from yet: say something in it, or choose another source.")
    found = []
    for at, (said, reply) in enumerate(turns):
        if job.stopped():
            break
        if not said.strip() or not reply.strip():
            continue  # a greeting replies to nothing
        job.tell(f"Reading the chat: reply {at + 1} of {len(turns)} …", at / len(turns))
        request = host.ask(said, page.chat, turns[:at])
        text = reply.removeprefix(request.opening) if request.opening else reply
        found.append(Wanted(Example(tuple(request.token_ids), text), CHAT, host.model_name, said))
    added = _add(page, found)
    return {"line": f"{_examples(added)} from the chat.{_already(len(found) - added)}", **news(page)}


def remove(page: OpenPage, *, example: int) -> News:
    """Takes one example out."""
    room = page.console.classrooms.of(page.id)
    room.basket.remove(example)
    room.changed()
    return news(page)


def clear(page: OpenPage) -> News:
    """Takes all examples out; the page has asked."""
    room = page.console.classrooms.of(page.id)
    room.basket.clear()
    room.changed()
    return news(page)


def _add(page: OpenPage, wanted: list[Wanted]) -> int:
    room = page.console.classrooms.of(page.id)
    added = room.basket.add(wanted)
    if added:
        room.changed()
    return added


def _already(count: int) -> str:
    return f" {count:,} {'was' if count == 1 else 'were'} there already." if count else ""


def _examples(count: int) -> str:
    return "1 example" if count == 1 else f"{count:,} examples"
