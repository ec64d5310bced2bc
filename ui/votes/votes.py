"""Wires the page of votes: blind sessions, their outcome, and the experiments that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...hosts.protocol import HostError
from ...lora_ops.mix import Mix
from ...lora_ops.results.record import Verdict
from ..lab import column_mixes
from ..lab.ask import MANY, Source, Wish, questions
from ..lab.columns import letter
from ..lab.experiment_files import Form
from ..lab.grow_replies import begin, sampling_of
from ..lab.prompts import chats, text_of_file
from ..lab.sheet import Line, Row, Sheet
from ..page.messages import File, Name, Names, Typed, Words
from ..page.orders import Answer, OpenPage, Orders
from ..page.panel import Panel
from ..page.trouble import reason, told
from ..page.wire import answers, hand_over, wires
from . import past, resume, standings
from .resume import Plan, planned
from .session import Prepared, Session

if TYPE_CHECKING:
    from ...lora_ops import Column, Desk
    from ..page.studio import Studio

MOST_PAIRS = 500
#: The session as a page has it: its key and revision.
Known = list[int] | None


def build_votes(console: Studio) -> None:
    """Places the page of votes where the open Gradio context is."""
    gr.HTML('<div id="lora-mixer-votes-place"></div>')
    order, answer, start = wires("votes", "order", "answer", "start")
    hand_over(answer, "votes", "answered")
    # Not in the queue: a vote must not wait behind a generation.
    answers(console, ORDERS, order, answer)
    answers(console, BEGINNINGS, start, answer, list(console.host.chat_inputs()))


def _session(page: OpenPage, *, known: Known = None) -> Answer:
    """The session of a page, unless it knows it as it is."""
    session = page.console.sessions.of(_owner(page))
    if session is None:
        return {"session": None}
    if known == [session.key, session.revision]:
        return {}
    shown = session.to_dict()
    if session.revealed:
        shown["outcome"] = _outcome(session)
    return {"session": shown}


def _owner(page: OpenPage) -> str:
    """Whose session it is: where strangers share the host each page has its own."""
    return page.id if page.console.host.multi_user else ""


def _outcome(session: Session) -> Answer:
    from ...lora_ops.results.tally import tally

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


def _start(
    page: OpenPage, *, source: Source = MANY, text: Words, seeds: Typed, length: Typed = None, most: Typed
) -> Answer:
    """Begins a session with the columns of the compare page; its replies are generated in the background.

    Refused where there is nothing to ask, or all columns play the same.
    """
    from ...lora_ops.results.tally import identity

    console, pairs = page.console, _pairs(most)
    wish = Wish.of(source, text, seeds, length=length)
    desk = console.desk()
    if desk is None:
        trouble = console.trouble
        raise HostError(f"{trouble.title}: {trouble.advice}" if trouble else "There is no adapter to vote on.")
    columns = tuple(column_mixes.columns(console.lab.setup, desk, console.panel))
    if len({identity(column.mix) for column in columns}) < 2:
        raise ValueError("all columns of the Mix tab play the same mix: change one of them first")
    if wish.source == MANY:
        chats(wish.text)  # refused here, where its user still sees the field
    session = Session(console.experiments, pairs)
    session.generate(lambda: _prepared(console, desk, columns, wish, page.chat), console.comparison)
    console.sessions.begin(_owner(page), session)
    return {}


def _prepared(console: Studio, desk: Desk, columns: tuple[Column, ...], wish: Wish, values: Sequence[Any]) -> Prepared:
    asked = questions(console.host, wish, values)
    settings = sampling_of(asked).to_dict()
    seeds = [asked[0].request.seed + at for at in range(wish.seeds)]
    sheet = Sheet(
        columns=columns,
        rows=tuple(Row(one, seed, at) for at, one in enumerate(asked) for seed in seeds),
        limit=settings.get("max_new_tokens"),
        line=Line("Waiting for the model …", running=True),
        record=console.experiments.begun(desk, columns, {**settings, **Plan.made(wish, asked, seeds)}),
    )
    return sheet, begin(console.host, desk, sheet, asked, seeds, wish.batched)


def _pairs(most: Typed) -> int:
    try:
        pairs = int(most)  # type: ignore[arg-type]
        if pairs != float(most):  # type: ignore[arg-type]
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise ValueError("how many pairs? It must be a whole number") from None
    if not 1 <= pairs <= MOST_PAIRS:
        raise ValueError(f"there can be 1 to {MOST_PAIRS} pairs in a session, not {pairs}")
    return pairs


def _look(page: OpenPage, *, all: bool = False) -> Answer:
    """What else than the session a page shows, if it asks for that."""
    if not all:
        return {}
    console, desk = page.console, page.console.desk()
    trouble = console.trouble if desk is None else None
    answer: Answer = {
        "columns": [] if desk is None else _columns(console, desk),
        "trouble": f"{trouble.title}: {trouble.advice}" if trouble else "",
        "keeps": not console.host.multi_user,
        "broken": "",
    }
    try:
        return {**answer, **past.listed(console.experiments)}
    except (ValueError, RuntimeError, OSError) as error:
        return {**answer, "past": [], "broken": told(error)}


def _columns(console: Studio, desk: Desk) -> list[Answer]:
    """What the columns are called; also those whose mix does not fit any more."""
    named = [
        column_mixes.name_of(slot, column_mixes.mix_of(slot, desk, console.panel), desk)
        for slot in console.lab.setup.slots
    ]
    return [{"letter": letter(at), "name": name} for at, name in enumerate(named)]


def _vote(page: OpenPage, *, number: int, verdict: Verdict, known: Known = None) -> Answer:
    _shown(page, known).vote(number, verdict)
    return {}


def _reveal(page: OpenPage, *, known: Known = None) -> Answer:
    _shown(page, known).reveal()
    return {}


def _stop(page: OpenPage, *, known: Known = None) -> Answer:
    _shown(page, known).stop()
    return {}


def _more(page: OpenPage, *, most: Typed, known: Known = None) -> Answer:
    _shown(page, known).go_on(_pairs(most))
    return {}


def _end(page: OpenPage) -> Answer:
    page.console.sessions.end(_owner(page))
    return past.listed(page.console.experiments)


def _resume(page: OpenPage, *, id: int, most: Typed, missing: bool = False) -> Answer:
    """A session on the replies of a kept experiment: a new one, or one that was interrupted; `missing` has those of its
    replies generated that never were."""
    console, sessions = page.console, page.console.sessions
    shown = sessions.of(_owner(page))
    if shown is not None and shown.generating and shown.kept == id:
        return {}
    if sessions.writing(id):
        raise ValueError("its replies are still being written. Wait a moment, and try again")
    sheet = past.open_sheet(console.experiments, id)
    sheet.notes.clear()
    record = sheet.record
    assert record is not None
    # Of one that has all its replies by now (another page went on with it), nothing is missing.
    unfinished = max(planned(record.settings) - len(record.trials), 0) if missing else 0
    session = Session(console.experiments, _pairs(most), sheet, unfinished=unfinished)
    if unfinished:
        sheet.line = Line("Waiting for the model …", running=True)
        session.generate(lambda: resume.missing(console, record, id, page.chat), console.comparison)
    elif session.over:
        session.reveal()
    sessions.begin(_owner(page), session)
    return {}


def _open(page: OpenPage, *, id: int) -> Answer:
    """Shows a kept experiment on the compare page."""
    page.console.lab.show(page.id, past.open_sheet(page.console.experiments, id))
    return {"opened": True}


def _save(page: OpenPage, *, id: int, form: Form) -> Answer:
    return {"file": past.as_file(page.console.experiments, id, form)}


def _use_columns(page: OpenPage, *, id: int) -> Answer:
    return {"said": past.use_columns(page.console, id), **_look(page, all=True)}


def _delete(page: OpenPage, *, id: int) -> Answer:
    past.delete(page.console.experiments, id)
    return {"said": "Deleted, with its votes.", **past.listed(page.console.experiments)}


def _standing(page: OpenPage, *, model: bool = False, chosen: Names | None = None) -> Answer:
    """What all votes add up to: about any model or the one that is loaded, between all mixes or chosen ones."""
    console = page.console
    return past.standing(console.experiments, console.host.model_name if model else None, chosen)


def _prompts(page: OpenPage, *, name: Name, data: File) -> Answer:
    try:
        return {"text": text_of_file(data, name)}
    except ValueError as error:
        raise ValueError(f"the file {error}") from error


def _put(page: OpenPage, *, mix: Any, label: Words = "") -> Answer:
    """The faders where those of a mix were that was voted on: mute, solo and bypass are lifted."""
    voted, desk = Mix.from_dict(mix), page.console.desk()
    if desk is None:
        raise HostError("There is no adapter to put it on.")
    try:
        desk.check(voted)
    except ValueError as error:
        raise ValueError(f"this mix does not fit the adapters that are loaded now: {error}") from error
    page.console.move(Panel(voted))
    return {"said": f"The desk stands where {label or 'this mix'} stood."}


def _shown(page: OpenPage, known: Known) -> Session:
    """The session that an order is about, if it is still dealt as its page showed it."""
    session = page.console.sessions.of(_owner(page))
    if session is None:
        raise ValueError("this session is not shown any more: open it from the list of experiments")
    if known and known[0] != session.key:
        raise ValueError("other pairs have been dealt meanwhile: nothing was done, look at them first")
    return session


#: They need the host's chat, whose values come with them.
BEGINNINGS = Orders({"start": _start, "resume": _resume}, always=_session)
ORDERS = Orders(
    {
        "look": _look,
        "vote": _vote,
        "reveal": _reveal,
        "stop": _stop,
        "more": _more,
        "end": _end,
        "open": _open,
        "save": _save,
        "columns": _use_columns,
        "delete": _delete,
        "standing": _standing,
        "prompts": _prompts,
        "put": _put,
    },
    always=_session,
)
