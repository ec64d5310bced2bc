"""Learning as a page asks for it: a mix is found, told, stopped and refused, and faders stay where they are."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from helpers import tiny
from helpers.shelved import ask, opened, shelf_host, work
from helpers.taught import PLAIN, classroom

from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.ui.adapters import orders as adapters
from lora_mixer.ui.page.orders import OpenPage
from lora_mixer.ui.page.studio import Studio


@pytest.fixture
def console(tmp_path: Path) -> Studio:
    return classroom(tmp_path)


def test_the_mix_of_the_examples_is_found_and_told_while_the_faders_stay(console: Studio) -> None:
    before = console.panel
    told = work(console, "learn", **PLAIN)["learning"]["attempt"]
    json.dumps(told, allow_nan=False)
    assert not told["running"] and told["found"]["learned"] and told["found"]["after"] < told["found"]["before"]
    assert told["points"][told["best"]]["unseen"] == told["found"]["after"]
    assert told["found"]["low"] > 0 and "times as likely" in told["found"]["headline"]
    [(label, was, now)] = told["found"]["moved"]["down"]
    assert label == "pirate: master" and was == 1 and abs(now - 0.3) < 0.2
    gains = told["found"]["gains"]["pirate"]
    assert gains["before"] == [1.0] * 14 and gains["after"] == pytest.approx([now] * 14)
    assert console.panel == before and told["misfit"] == ""
    assert told["base"] > 0


def test_what_the_base_says_by_itself_is_kept_and_asked_once(console: Studio) -> None:
    told = work(console, "learn", **{**PLAIN, "keep": "base"})["learning"]["attempt"]
    assert all(point["changed"] > 0 for point in told["points"])
    known = console.classrooms.own_replies._known
    work(console, "learn", **{**PLAIN, "keep": "base"})
    assert known and console.classrooms.own_replies._known is known


def test_texts_that_were_typed_are_kept_apart_by_dashes(console: Studio) -> None:
    texts = "The sea is calm.\r\n---\r\nBoats lie\nbeside the quay."
    told = work(console, "learn", **{**PLAIN, "keep": "texts", "texts": texts})["learning"]["attempt"]
    assert told["points"][0]["changed"] > 0
    with pytest.raises(ValueError, match="type a text"):
        work(console, "learn", **{**PLAIN, "keep": "texts", "texts": " \n---\n "})


def test_faders_that_were_ticked_are_learned_instead_of_levels(console: Studio) -> None:
    ticked = {"pirate": ["kind:q_proj", "layer:1"]}
    told = work(console, "learn", **{**PLAIN, "faders": ticked})["learning"]["attempt"]
    found = console.classrooms.of("page").attempt
    assert found is not None and {point["numbers"] for point in told["points"]} == {0, 2}
    for point in found.points:
        assert set(point.mix["pirate"].kinds) <= {"q_proj"} and set(point.mix["pirate"].layers) <= {1}


def test_stopped_at_once_it_says_so_and_nothing_has_moved(console: Studio) -> None:
    console.host.lock.acquire()
    run: list[dict] = []
    thread = threading.Thread(target=lambda: run.append(work(console, "learn", **PLAIN)))
    thread.start()
    while console.classrooms.of("page").attempt is None:
        thread.join(0.01)
    console.works.stop()
    thread.join(30)
    console.host.lock.release()
    told = run[0]["learning"]["attempt"]
    assert not told["running"] and not told["found"]["complete"] and "stopped" in told["found"]["headline"].lower()
    assert console.panel.mix["pirate"] == Faders()


def test_what_fails_half_way_is_told_and_the_desk_stands_where_it_stood(
    console: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lora_mixer.lora_ops.engines.peft.pupil import Pupil

    desk, slope, steps = console.desk(), Pupil.slope, []

    def short_of_memory(self: Pupil, *told: object) -> object:
        steps.append(told)
        if len(steps) > 2:
            raise RuntimeError("not enough memory for one example alone")
        return slope(self, *told)  # type: ignore[arg-type]

    monkeypatch.setattr(Pupil, "slope", short_of_memory)
    with pytest.raises(RuntimeError, match="not enough memory"):
        work(console, "learn", **PLAIN)
    told = ask(console, "learning")
    attempt = told["learning"]["attempt"]
    assert not attempt["running"] and "not enough memory" in attempt["failed"] and attempt["found"] is None
    assert attempt["points"] and not told["job"]["running"]
    assert desk is not None and desk.mix["pirate"] == Faders()
    ask(console, "learn put", place=0)


def test_an_engine_without_gradients_says_so_where_one_would_ask(console: Studio) -> None:
    from lora_mixer.ui.page.state import state

    assert state(console)["engine"]["whyNot"]["learn"] == ""
    desk = console.desk()
    assert desk is not None
    desk.engine.why_not = lambda what: "it has none" if what == "learn" else ""  # type: ignore[method-assign]
    assert state(console)["engine"]["whyNot"]["learn"] == "It has none."
    with pytest.raises(ValueError, match="it has none"):
        work(console, "learn", **PLAIN)


def test_a_page_that_comes_in_the_middle_finds_it(console: Studio) -> None:
    with console.host.lock:  # somebody generates: it waits
        steps = adapters.begin(OpenPage(console, "page"), {"do": "learn", "key": "learn", **PLAIN})
        next(steps)
        look = ask(console, "learning")
        while not (look["learning"]["attempt"] and look["learning"]["attempt"]["running"]):
            next(steps)
            look = ask(console, "learning")
        assert look["job"]["what"] == "learn" and look["job"]["running"]
    for _ in steps:
        pass
    again = ask(console, "learning")["learning"]
    assert not again["attempt"]["running"] and again["attempt"]["found"]["learned"]
    assert "learning" not in ask(console, "learning", seen=again["rev"])


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"over": []}, "nothing to learn over"),
        ({"faders": {"pirate": ["kind:none"]}}, "no fader"),
        ({"faders": {"poet": ["master"]}}, "poet"),
        ({"steps": "0"}, "at least 1"),
        ({"steps": "many"}, "whole number"),
        ({"seed": "0.5"}, "whole number"),
    ],
)
def test_what_cannot_be_is_refused_by_name_before_anything_is_read(console: Studio, said: dict, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        work(console, "learn", **{**PLAIN, **said})
    assert console.classrooms.of("page").attempt is None


def test_one_example_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least two examples"):
        work(classroom(tmp_path, count=1), "learn", **PLAIN)


def test_examples_of_another_model_are_refused_by_their_number(console: Studio) -> None:
    console.host.start = console.host.start.__class__(**{**vars(console.host.start), "model": Path("other")})
    with pytest.raises(ValueError, match="example 1 is of the model tiny, and other is loaded"):
        work(console, "learn", **PLAIN)


def test_an_adapter_that_no_gradient_reaches_says_so(tmp_path: Path) -> None:
    console = opened(shelf_host(tmp_path, tiny.pirate(use_dora=True)))
    for at in range(2):
        ask(console, "learn type", prompt=f"Ahoy {at}", reply="Arr!")
    with pytest.raises(ValueError, match="DoRA"):
        work(console, "learn", **PLAIN)


def test_without_votes_it_says_how_many_it_takes(console: Studio) -> None:
    assert ask(console, "learn votes")["votes"] == {"count": 0, "needed": 20, "why": ""}
    told = work(console, "learn", **{**PLAIN, "source": "votes"})["learning"]["attempt"]
    assert not told["found"]["learned"] and "20 more would tell" in told["found"]["headline"]
    assert told["points"] == [] and told["best"] is None


def test_where_strangers_share_the_host_each_page_has_its_own(tmp_path: Path) -> None:
    console = opened(shelf_host(tmp_path, tiny.pirate(), multi_user=True))
    ask(console, "learn type", prompt="Ahoy", reply="Arr!")
    assert len(console.classrooms.of("page").basket) == 1 and len(console.classrooms.of("another").basket) == 0
    assert "strangers" in ask(console, "learn votes")["votes"]["why"]


def test_an_adapter_that_is_gone_makes_what_was_learned_no_mix_of_the_desk(console: Studio) -> None:
    work(console, "learn", **PLAIN)
    assert ask(console, "learning")["learning"]["attempt"]["misfit"] == ""
    attempt = console.classrooms.of("page").attempt
    assert attempt is not None and attempt.found is not None
    attempt.model = "another"
    assert "another" in ask(console, "learning")["learning"]["attempt"]["misfit"]
    assert Mix() == attempt.points[0].mix or attempt.points[0].mix["pirate"].master == 1
