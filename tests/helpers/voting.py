"""Blind sessions: on replies that are all there, and on a page whose model is held back."""

from __future__ import annotations

import time
from dataclasses import astuple
from types import SimpleNamespace
from typing import Any

from helpers import kept
from helpers.ordered import obey

from lora_mixer.hosts.standalone.history import History
from lora_mixer.hosts.standalone.prompt import Settings
from lora_mixer.ui.lab.experiment_files import sheet_of
from lora_mixer.ui.page.experiments import Experiments
from lora_mixer.ui.page.studio import Studio
from lora_mixer.ui.votes import votes
from lora_mixer.ui.votes.session import Session


def values_of(history: History, settings: Settings) -> list[Any]:
    """The values of the host's `chat_inputs()`."""
    return [history, *astuple(settings)]


SHORT = values_of(History(), Settings(max_new_tokens=4, do_sample=False))


def nowhere() -> Experiments:
    """Where nothing is kept."""
    return Experiments(SimpleNamespace(user_data=None))  # type: ignore[arg-type]


def voting(columns: int = 2, trials: int = 3, most: int = 99, seed: int | None = 7) -> Session:
    """A session on replies that are all there."""
    return Session(nowhere(), most, sheet_of(kept.record(columns, trials)), seed)


def slip(session: Session) -> dict[str, Any]:
    told: dict[str, Any] = session.to_dict()
    return told["slip"]


def vote_on_all(session: Session, verdict: str = "left") -> None:
    while (up := slip(session)) is not None:
        session.vote(up["number"], verdict)


def wait_for(condition: Any, seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return bool(condition())


def begin(console: Studio, questions: int = 3, most: int = 20, values: Any = SHORT, **said: Any) -> Session:
    text = "\n".join(f"question {at}" for at in range(questions))
    order = {"do": "start", "source": "many", "text": text, "seeds": 1, "most": most, **said}
    answer = obey(votes, console, "page", order, values)
    assert "refused" not in answer, answer["refused"]
    return shown(console)


def shown(console: Studio) -> Session:
    session = console.sessions.of("")
    assert session is not None
    return session
