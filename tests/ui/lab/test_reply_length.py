"""How long a reply may get is known before it is asked for, and a comparison can have a length of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from helpers.hosted import host, loaded, textgen  # noqa: F401 - fixtures
from helpers.ordered import obey
from helpers.shelved import opened, shelf_host
from helpers.tiny import pirate
from standin.textgen_page import DEFAULTS, a_chat, values

from lora_mixer.hosts.protocol import ReplyLength
from lora_mixer.hosts.standalone.history import History
from lora_mixer.hosts.standalone.prompt import Settings
from lora_mixer.ui.desk import fader_board
from lora_mixer.ui.lab.ask import MANY, MOST_LENGTH, TYPED, Wish, ask
from lora_mixer.ui.page.state import state
from lora_mixer.ui.page.studio import Studio
from lora_mixer.ui.votes import votes

#: Greedy, and without an end: what it says is as long as it may be.
VALUES = [History(), *asdict(Settings(max_new_tokens=9, do_sample=False)).values()]


@pytest.fixture
def console(tmp_path: Path) -> Studio:
    return opened(shelf_host(tmp_path, pirate()))


def wait_until(true: Callable[[], bool]) -> None:
    for _ in range(6000):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it never came about")


def lengths(console: Studio, wish: Wish) -> list[int]:
    """How many tokens each reply has."""
    list(ask(console, "page", wish, VALUES))
    sheet = console.lab.sheet("page")
    assert sheet is not None and sheet.results
    return [len(column.token_ids) for result in sheet.results.values() for column in result.columns]


@pytest.mark.parametrize(("length", "most"), [(None, 9), (4, 4), (9, 9), (400, 9)])
def test_a_length_of_its_own_limits_a_comparison_and_never_lengthens_it(
    console: Studio, length: int | None, most: int
) -> None:
    """With the chat's settings for what they are: 9 tokens."""
    said = lengths(console, Wish(MANY, "Ahoy\nHello there", 1, length=length))
    assert len(said) == 4 and max(said) <= most
    sheet = console.lab.sheet("page")
    assert sheet is not None and sheet.limit == most
    assert sheet.record is not None and sheet.record.settings["max_new_tokens"] == most


def test_a_blind_session_has_it_too(console: Studio) -> None:
    said = {"do": "start", "source": MANY, "text": "Ahoy\nHello", "seeds": 1, "most": 2, "length": 3}
    answer = obey(votes, console, "page", said, VALUES)
    assert "refused" not in answer, answer
    session = console.sessions.of("")
    assert session is not None
    wait_until(lambda: not session.generating)
    assert session.record is not None and session.record.settings["max_new_tokens"] == 3


@pytest.mark.parametrize("length", [0, -1, 2.5, "many", float("nan"), float("inf"), MOST_LENGTH + 1])
def test_a_length_that_is_none_is_refused(length: Any) -> None:
    with pytest.raises(ValueError, match=r"[Aa] reply"):
        Wish.of(TYPED, "hi", 1, length=length)


@pytest.mark.parametrize("length", ["", None])
def test_left_empty_it_is_the_chats(length: Any) -> None:
    assert Wish.of(TYPED, "hi", 1, length=length).length is None


def test_textgen_tells_what_its_page_says(textgen: Any, host: Any) -> None:  # noqa: F811
    assert host.reply_length() is None  # there is no page yet
    textgen.create_interface()
    assert host.reply_length() == ReplyLength(DEFAULTS["max_new_tokens"])
    textgen.ui.gather_interface_values(*values(max_new_tokens=100))  # as its page does after every change
    assert host.reply_length() == ReplyLength(100)
    textgen.ui.gather_interface_values(*values(auto_max_new_tokens=True))
    assert host.reply_length() == ReplyLength(DEFAULTS["truncation_length"], with_prompt=True)
    told = state(Studio(host))["lab"]["length"]
    assert told == {"tokens": DEFAULTS["truncation_length"], "withPrompt": True}
    # A page that is open learns of it, though nothing on the desk has changed.
    console = Studio(host)
    known = state(console)["rev"]
    first = json.loads(fader_board._answer(console, json.dumps({"rev": known})))
    assert first["lab"]["length"]["withPrompt"]
    assert "lab" not in str(fader_board._answer(console, json.dumps({"rev": first["rev"]})))
    textgen.ui.gather_interface_values(*values(max_new_tokens=77))
    again = json.loads(fader_board._answer(console, json.dumps({"rev": first["rev"]})))
    assert again["lab"]["length"] == {"tokens": 77, "withPrompt": False}
    textgen.ui.gather_interface_values(*values(auto_max_new_tokens=True))
    textgen.shared.persistent_interface_state = {**textgen.shared.persistent_interface_state, "truncation_length": ""}
    assert host.reply_length() is None
    textgen.shared.args.multi_user = True
    assert host.reply_length() is None


@pytest.mark.parametrize("auto", [True, False])
def test_textgens_own_way_of_generating_keeps_to_a_requests_limit(textgen: Any, host: Any, auto: bool) -> None:  # noqa: F811
    request = host.ask_again(values(history=a_chat(), auto_max_new_tokens=auto, do_sample=False, seed=3))
    calls: list[dict[str, Any]] = []

    def listen(**kwargs: Any) -> Any:
        calls.append(kwargs)
        return kwargs["inputs"]

    textgen.shared.model.generate = listen
    request = replace(request, sampling=replace(request.sampling, max_new_tokens=5))
    try:
        with host.lock:
            list(host.generate(request))
    finally:
        del textgen.shared.model.generate
    assert [call["max_new_tokens"] for call in calls] == [5]
