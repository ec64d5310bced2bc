"""Learning as a page asks for it: from what, over which faders, what is to stay; one job that can be stopped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ...hosts.protocol import HostError
from ...lora_ops.fader import Fader
from ...lora_ops.learning.dials import Level
from ...lora_ops.learning.examples import Example
from ..lab.replies import clock
from ..page.jobs import Job, News
from ..page.messages import Name, Typed, Words
from ..page.orders import OpenPage
from ..page.trouble import told
from .attempt import Attempt, Source
from .told import news

if TYPE_CHECKING:
    from ...lora_ops import Desk
    from ...lora_ops.learning.learn import Learning
    from ...lora_ops.learning.preferences import Preference
    from ..page.studio import Studio
    from .classroom import Classroom

#: A whole number that a page may ask for; more steps than that no level takes.
_MOST_STEPS = 100
_KEEP_APART = "\n---\n"
#: So many of the replies that were held out are read under the base model, for the chart.
_BASE_READS = 16


@dataclass(frozen=True)
class Said:
    """What a page says of learning, its numbers as they were typed.

    Attributes:
        source: "replies" or "votes".
        over: the levels; few numbers first.
        faders: those that were ticked instead, by adapter: keys as `Fader.key`.
        keep: what is to stay as the base model has it: its own replies at hand, texts that were typed, or nothing.
        texts: those texts, apart by a line of three dashes.
        pull: to "loaded", where the faders stood, or to "silent".
        seed: of what is held out.
        steps: how many steps a level has at most.
    """

    source: Source
    over: Annotated[list[Level], Field(max_length=4)]
    faders: dict[Name, Annotated[list[Name], Field(max_length=5_000)]]
    keep: Literal["base", "texts", "none"] = "base"
    texts: Words = ""
    pull: Literal["loaded", "silent"] = "loaded"
    seed: Typed = None
    steps: Typed = None


def learn(page: OpenPage, job: Job, *, said: Said) -> News:
    """Learns, and tells how far it is; stopped, it keeps the best mix so far."""
    console, room = page.console, page.console.classrooms.of(page.id)
    desk = console.desk()
    if desk is None:
        raise HostError("There is no adapter to learn over: load one first.")
    seed, steps = _whole(said.seed, 0, "the seed", 2**32), _whole(said.steps, 8, "how many steps", _MOST_STEPS)
    if steps < 1:
        raise ValueError("there must be at least 1 step")
    chosen = [Fader.from_key(name, key) for name, keys in said.faders.items() for key in keys]
    material = _replies(console, room) if said.source == "replies" else votes(console)
    start = console.panel.effective(desk.adapters.values())
    more: dict[str, Any] = {"over": chosen or said.over, "seed": seed, "steps": steps, "pull": said.pull}
    more |= {"mix": start, "bounds": console.fader_range}
    _begin(desk, said.source, material, more, [])  # what cannot be is refused before the base model says a word
    keep = _keep(console, desk, said, job)
    if job.stopped():
        return {"line": "Stopped before it began."}
    run = _begin(desk, said.source, material, more, keep)
    job.tell("A comparison is running: this begins when it has ended." if console.comparing else "Reading them once …")
    chats = _chats(room) if said.source == "replies" else {}
    attempt = Attempt(said.source, len(material), console.host.model_name, start, chats)
    room.attempt = attempt
    room.changed()
    job.ends(run.stop)
    try:
        _follow(room, attempt, run, job)
        attempt.end(run.result)
        attempt.base = None if job.stopped() else _base(desk, attempt, material)
    except BaseException as error:
        attempt.fail(told(error))
        raise
    finally:
        room.changed()
    return {**news(page), "line": ""}


def votes(console: Studio) -> list[Preference]:
    """The votes that were cast on replies of this model.

    Raises:
        HostError: nothing is kept here.
    """
    from ...lora_ops.learning.preferences import preferences

    kept = console.experiments.records
    if kept is None:
        raise HostError("No votes are kept here: strangers share this host.")
    model = console.host.model_name
    voted = (one.id for one in kept.list() if one.votes and one.model == model)
    return preferences((kept.load(id) for id in voted), model)


def count_votes(page: OpenPage) -> News:
    """How many votes there are to learn from, and why that is not enough."""
    from ...lora_ops.learning.preferences import FEWEST_VOTES

    try:
        count = len(votes(page.console))
    except (HostError, ValueError, RuntimeError) as error:
        return {"votes": {"count": 0, "needed": FEWEST_VOTES, "why": told(error)}}
    return {"votes": {"count": count, "needed": FEWEST_VOTES, "why": ""}}


def _replies(console: Studio, room: Classroom) -> list[Example]:
    """The examples, all of them such as the model that is loaded can read."""
    model = console.host.model_name
    for at, one in enumerate(room.basket.examples, 1):
        if one.model and one.model != model:
            raise ValueError(
                f"example {at} is of the model {one.model}, and {model} is loaded: remove it, or load that model"
            )
    return [one.example for one in room.basket.examples]


def _chats(room: Classroom) -> dict[int, tuple[dict[str, str], ...]]:
    """The questions that can be asked again, by their places among the examples."""
    return {at: one.chat for at, one in enumerate(room.basket.examples) if one.chat}


def _begin(desk: Desk, source: Source, material: Sequence[Any], more: dict[str, Any], keep: Sequence[Any]) -> Learning:
    from ...lora_ops.learning.learn import learning, learning_from_votes

    begin: Any = learning if source == "replies" else learning_from_votes
    return begin(desk, None, material, keep=keep, **more)


def _keep(console: Studio, desk: Desk, said: Said, job: Job) -> Sequence[Any]:
    if said.keep == "none":
        return []
    if said.keep == "base":
        return console.classrooms.own_replies.of(desk, job.stopped, job.tell)
    texts = [text.strip() for text in said.texts.replace("\r\n", "\n").split(_KEEP_APART)]
    if not any(texts):
        raise ValueError("type a text that is to stay, or choose the base model's own replies")
    return [text for text in texts if text]


def _follow(room: Classroom, attempt: Attempt, run: Learning, job: Job) -> None:
    with closing(iter(run)) as updates:
        for update in updates:
            attempt.follow(update)
            parts = [f"step {update.step} of at most {update.of}"]
            if update.left is not None and update.left >= 1:
                parts.append(f"at most {clock(update.left)} left")
            job.tell(" · ".join(parts), update.step / update.of if update.of else None)
            room.changed()


def _base(desk: Desk, attempt: Attempt, material: Sequence[Any]) -> float | None:
    """How many nats a token of the replies held out is worth to the base model, for the chart: read of some of them."""
    from ...lora_ops.lab.score import score
    from ...lora_ops.learning.lessons import lessons_of

    found = attempt.found
    if attempt.source != "replies" or found is None or not found.held_out or len(found.held_out) > _BASE_READS:
        return None
    tokens = desk.engine.tokens
    nats = count = 0.0
    for lesson in lessons_of([material[at] for at in found.held_out], tokens, desk.engine.context):
        scores = score(desk, lesson.prompt, [lesson.reply], [desk.base()])
        nats += math.log(scores.perplexity[0][0]) * len(lesson.reply)
        count += len(lesson.reply)
    return nats / count


def _whole(number: Typed, usual: int, what: str, most: int) -> int:
    if number in (None, ""):
        return usual
    try:
        found = float(str(number).strip().replace(",", "."))
    except ValueError:
        found = math.nan
    if not (math.isfinite(found) and found == int(found) and 0 <= found <= most):
        raise ValueError(f"{what} must be a whole number from 0 to {most:,}, not {str(number)[:20]!r}")
    return int(found)
