"""Wires the page of votes: blind sessions, their outcome, and the experiments that are kept.

An order is a JSON object with `do` and what that needs, answered at once; `page/messages.js` tells the form of both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...hosts.protocol import HostError
from ...lora_ops.mix import Mix
from ..lab import column_mixes
from ..lab.ask import MANY, Wish, questions
from ..lab.prompts import chats, text_of_file
from ..lab.run import begin, sampling_of
from ..lab.sheet import Line, Sheet
from ..page import experiments
from ..page.panel import Panel
from ..page.trouble import reason, told
from ..page.wire import FOR_PEOPLE, GARBLED, LIVE, counted, hand_over, heard, not_understood, number_of, page_of, wires
from . import past, standings
from .resume import Plan, missing, planned, row_of
from .session import Prepared, Session, Sessions

if TYPE_CHECKING:
    from ...lora_ops import Column, Desk
    from ..page.studio import Studio

Answer = dict[str, Any]
Order = Callable[["Studio", Sessions, str, Mapping[str, Any]], Answer]

MOST_PAIRS = 500


def build_votes(console: Studio) -> None:
    """Places the page of votes where the open Gradio context is."""
    gr.HTML('<div id="lora-mixer-votes-place"></div>')
    order, answer, start = wires("votes", "order", "answer", "start")
    hand_over(answer, "votes", "answered")
    chat = list(console.host.chat_inputs())
    # Not in the queue: a vote must not wait behind a generation.
    order.input(_obeyer(console), [order], [answer], **LIVE)
    start.input(_starter(console), [start, *chat], [answer], **LIVE)


def obey(console: Studio, page: str, message: Mapping[str, Any], values: Sequence[Any] = ()) -> Answer:
    """Does what a page says, and answers it with what it is to show.

    Args:
        console: whose votes these are.
        page: which page it is.
        message: the order.
        values: of the host's `chat_inputs()`, for an order that begins a session or goes on with one.
    """
    sessions, page = console.sessions, page if console.host.multi_user else ""
    try:
        if message["do"] in BEGINNINGS:
            answer = BEGINNINGS[message["do"]](console, sessions, page, message, values)
        else:
            answer = ORDERS[message["do"]](console, sessions, page, message)
    except GARBLED as error:
        answer = {"refused": {"at": "", "why": not_understood(error)}}
    except FOR_PEOPLE as error:
        answer = {"refused": {"at": getattr(error, "at", ""), "why": told(error)}}
    return {"re": number_of(message), **answer, **_session(sessions, page, message.get("known"))}


def _session(sessions: Sessions, page: str, known: Any) -> Answer:
    """The session of a page, unless it knows it as it is: `known` is its key and revision."""
    session = sessions.of(page)
    if session is None:
        return {"session": None}
    if known == [session.key, session.revision]:
        return {}
    told = session.to_dict()
    if session.revealed:
        told["outcome"] = _outcome(session)
    return {"session": told}


def _outcome(session: Session) -> Answer:
    from ...lora_ops.results.votes import tally

    record = session.record
    if record is None:
        return {}
    blind = [vote for vote in record.votes if vote.source == "blind"]
    try:
        added = standings.standing(tally(duel for duel in record.duels if duel.source == "blind"))
    except RuntimeError as error:  # a package is missing: which mix was which can be told all the same
        added = {"rows": [], "pairs": [], "votes": len(blind), "line": reason(error), "note": ""}
    return {"standing": added, "pairs": [_revealed(record, vote) for vote in blind]}


def _revealed(record: Any, vote: Any) -> Answer:
    trial = record.trials[vote.trial]
    return {
        "question": " ".join((trial.label or trial.prompt).split())[-160:],
        "left": record.columns[vote.left].label,
        "right": record.columns[vote.right].label,
        "verdict": vote.verdict,
        "texts": [trial.replies[vote.left].text, trial.replies[vote.right].text],
    }


def _start(console: Studio, sessions: Sessions, page: str, message: Mapping[str, Any], values: Sequence[Any]) -> Answer:
    """Begins a session with the columns of the compare page; its replies are generated in the background.

    Refused where there is nothing to ask, or all columns play the same.
    """
    from ...lora_ops.results.votes import identity

    most = _pairs(message)
    wish = Wish.of({"source": MANY, "batched": True, **message})
    desk = console.desk()
    if desk is None:
        trouble = console.trouble
        raise HostError(f"{trouble.title}: {trouble.advice}" if trouble else "There is no adapter to vote on.")
    columns = tuple(column_mixes.columns(console.lab.setup, desk, console.panel))
    if len({identity(column.mix) for column in columns}) < 2:
        raise ValueError("all columns of the Mix tab play the same mix: change one of them first")
    if wish.source == MANY:
        chats(wish.text)  # refused here, where its user still sees the field
    session = Session(console, most)
    session.generate(lambda: _prepared(console, desk, columns, wish, values))
    sessions.begin(page, session)
    return {}


def _prepared(console: Studio, desk: Desk, columns: tuple[Column, ...], wish: Wish, values: Sequence[Any]) -> Prepared:
    asked = questions(console, wish, values)
    settings = sampling_of(asked).to_dict()
    seeds = [asked[0].request.seed + at for at in range(wish.seeds)]
    sheet = Sheet(
        columns=columns,
        rows=tuple(row_of(at, one, seed) for at, one in enumerate(asked) for seed in seeds),
        limit=settings.get("max_new_tokens"),
        line=Line("Waiting for the model …", running=True),
        record=experiments.begin(console, desk, columns, {**settings, **Plan.made(wish, asked, seeds)}, None),
        notes=list(dict.fromkeys(one.note for one in asked if one.note)),
    )
    return sheet, begin(console, desk, sheet, asked, seeds, wish.batched)


def _pairs(message: Mapping[str, Any]) -> int:
    try:
        most = int(message["most"])
        if most != float(message["most"]):
            raise ValueError
    except (KeyError, TypeError, ValueError, OverflowError):
        raise ValueError("how many pairs? It must be a whole number") from None
    if not 1 <= most <= MOST_PAIRS:
        raise ValueError(f"there can be 1 to {MOST_PAIRS} pairs in a session, not {most}")
    return most


def _look(console: Studio, sessions: Sessions, page: str, message: Mapping[str, Any]) -> Answer:
    """What else than the session a page shows, if it asks for that."""
    if not message.get("all"):
        return {}
    desk = console.desk()
    trouble = console.trouble if desk is None else None
    setup = console.lab.setup
    names = [] if desk is None else [_named(console, desk, slot) for slot in setup.slots]
    answer: Answer = {
        "columns": names,
        "trouble": f"{trouble.title}: {trouble.advice}" if trouble else "",
        "keeps": not console.host.multi_user,
        "broken": "",
    }
    try:
        return {**answer, **past.listed(console)}
    except (ValueError, RuntimeError, OSError) as error:
        return {**answer, "past": [], "broken": told(error)}


def _named(console: Studio, desk: Desk, slot: Any) -> str:
    """What a column is called, with its letter; also of one whose mix does not fit any more."""
    name = slot.name or column_mixes.label(slot.plays, column_mixes.mix_of(slot, desk, console.panel), desk)
    return f"{console.lab.setup.letter(slot.key)} · {name}"


def _vote(console: Studio, sessions: Sessions, page: str, message: Mapping[str, Any]) -> Answer:
    _shown(sessions, page, message).vote(int(message["number"]), message["verdict"])
    return {}


def _reveal(console: Studio, sessions: Sessions, page: str, message: Mapping[str, Any]) -> Answer:
    _shown(sessions, page, message).reveal()
    return {}


def _stop(console: Studio, sessions: Sessions, page: str, message: Mapping[str, Any]) -> Answer:
    _shown(sessions, page, message).stop()
    return {}


def _more(console: Studio, sessions: Sessions, page: str, message: Mapping[str, Any]) -> Answer:
    _shown(sessions, page, message).go_on(_pairs(message))
    return {}


def _end(console: Studio, sessions: Sessions, page: str, message: Mapping[str, Any]) -> Answer:
    sessions.end(page)
    return past.listed(console)


def _resume(
    console: Studio, sessions: Sessions, page: str, message: Mapping[str, Any], values: Sequence[Any]
) -> Answer:
    """A session on the replies of a kept experiment: a new one, or one that was interrupted; `missing` has those of its
    replies generated that never were."""
    id, shown = int(message["id"]), sessions.of(page)
    if shown is not None and shown.generating and shown.kept == id:
        return {}
    if sessions.writing(id):
        raise ValueError("its replies are still being written. Wait a moment, and try again")
    sheet = past.open_sheet(console, id)
    sheet.notes.clear()
    record = sheet.record
    assert record is not None
    # Of one that has all its replies by now (another page went on with it), nothing is missing.
    unfinished = max(planned(record.settings) - len(record.trials), 0) if message.get("missing") else 0
    session = Session(console, _pairs(message), sheet, unfinished=unfinished)
    if unfinished:
        sheet.line = Line("Waiting for the model …", running=True)
        session.generate(lambda: missing(console, record, id, values))
    elif session.over:
        session.reveal()
    sessions.begin(page, session)
    return {}


def _open(console: Studio, sessions: Sessions, page: str, message: Mapping[str, Any]) -> Answer:
    """Shows a kept experiment on the compare page."""
    console.lab.show(str(message["page"]), past.open_sheet(console, int(message["id"])))
    return {"opened": True}


def _save(console: Studio, sessions: Sessions, page: str, message: Mapping[str, Any]) -> Answer:
    return {"file": past.as_file(console, int(message["id"]), str(message["form"]))}


def _columns(console: Studio, sessions: Sessions, page: str, message: Mapping[str, Any]) -> Answer:
    return {"said": past.use_columns(console, int(message["id"])), **_look(console, sessions, page, {"all": True})}


def _delete(console: Studio, sessions: Sessions, page: str, message: Mapping[str, Any]) -> Answer:
    past.delete(console, int(message["id"]))
    return {"said": "Deleted, with its votes.", **past.listed(console)}


def _standing(console: Studio, sessions: Sessions, page: str, message: Mapping[str, Any]) -> Answer:
    return past.standing(console, message)


def _prompts(console: Studio, sessions: Sessions, page: str, message: Mapping[str, Any]) -> Answer:
    try:
        return {"text": text_of_file(message["data"], str(message["name"]))}
    except ValueError as error:
        raise ValueError(f"the file {error}") from error


def _put(console: Studio, sessions: Sessions, page: str, message: Mapping[str, Any]) -> Answer:
    """The faders where those of a mix were that was voted on: mute, solo and bypass are lifted."""
    mix = Mix.from_dict(message["mix"])
    desk = console.desk()
    if desk is None:
        raise HostError("There is no adapter to put it on.")
    try:
        desk.check(mix)
    except ValueError as error:
        raise ValueError(f"this mix does not fit the adapters that are loaded now: {error}") from error
    console.move(Panel(mix))
    return {"said": f"The desk stands where {str(message.get('label') or 'this mix')} stood."}


def _shown(sessions: Sessions, page: str, message: Mapping[str, Any]) -> Session:
    """The session that an order is about, if it is still dealt as its page showed it."""
    session, known = sessions.of(page), message.get("known")
    if session is None:
        raise ValueError("this session is not shown any more: open it from the list of experiments")
    if known and known[0] != session.key:
        raise ValueError("other pairs have been dealt meanwhile: nothing was done, look at them first")
    return session


def _obeyer(console: Studio) -> Any:
    def order(message: str, request: gr.Request) -> str:
        said = {"page": page_of(request), **(heard(message) if message else {"do": "look"})}
        return counted(obey(console, page_of(request), said))

    return order


def _starter(console: Studio) -> Any:
    def start(message: str, request: gr.Request, *values: Any) -> str:
        return counted(obey(console, page_of(request), {"do": "start", **heard(message)}, values))

    return start


#: They need the host's chat, whose values come with them.
BEGINNINGS = {"start": _start, "resume": _resume}
ORDERS: dict[str, Order] = {
    "look": _look,
    "vote": _vote,
    "reveal": _reveal,
    "stop": _stop,
    "more": _more,
    "end": _end,
    "open": _open,
    "save": _save,
    "columns": _columns,
    "delete": _delete,
    "standing": _standing,
    "prompts": _prompts,
    "put": _put,
}
