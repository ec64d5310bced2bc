"""Faders that an engine cannot play in full: what it can stays where it stood. And mixes that are sent away."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.toy_engine import ToyEngine
from helpers.toy_host import ToyHost

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.engines.calls import ServerError
from lora_mixer.lora_ops.engines.engine import Ability
from lora_mixer.lora_ops.engines.standing import Standing
from lora_mixer.lora_ops.fade import Fade
from lora_mixer.ui.page.console import _as_far_as_it_fits
from lora_mixer.ui.page.state import state
from lora_mixer.ui.page.studio import Studio


class WithoutRanks(ToyEngine):
    def why_not(self, what: Ability) -> str:
        return "no ranks here" if what == "rank" else ""


def test_where_ranks_cannot_be_played_all_other_faders_keep_their_place() -> None:
    faders = Faders(master=0.5, rank=2)
    assert _as_far_as_it_fits(Desk(WithoutRanks()), "pirate", faders) == Faders(master=0.5)
    strange = Faders(kinds={"no_such_kind": 0.0})
    assert _as_far_as_it_fits(Desk(WithoutRanks()), "pirate", strange) is None


class WithoutFades(ToyEngine):
    def why_not(self, what: Ability) -> str:
        return "no fades here" if what == "fades" else super().why_not(what)


def test_where_fades_cannot_be_played_all_other_faders_keep_their_place_and_a_mix_with_some_is_refused() -> None:
    desk, fade = Desk(WithoutFades()), Fade(((0, 0.0), (9, 1.0)))
    faded = Faders(master=0.5, fades={"kind:q_proj": fade})
    assert _as_far_as_it_fits(desk, "pirate", faded) == Faders(master=0.5)
    crossing = Mix.between(Mix({"pirate": Faders(kinds={"q_proj": 0.0})}), Mix({"pirate": Faders()}), fade)["pirate"]
    stands = _as_far_as_it_fits(desk, "pirate", crossing)
    assert stands is not None and not stands.fading
    with pytest.raises(ValueError, match="no fades here"):
        desk.apply(Mix({"pirate": faded}))
    assert desk.mix == Mix()


class Far(ToyEngine):
    """Sends its mixes away."""

    standing = Standing(Mix())
    most: int | None = None

    def serve_at_most(self, rank: int | None) -> None:
        self.most = rank


def far() -> tuple[Studio, Far]:
    engine = Far()
    return Studio(ToyHost(engine, None)), engine  # type: ignore[arg-type] # a host for no page


def test_every_page_hears_what_became_of_a_mix_that_is_sent_away() -> None:
    console, engine = far()
    told: list[Any] = [state(console)]
    for standing in (engine.standing.arrived(0.25, 8, 0.0), engine.standing.refused(ValueError("the disk is full"))):
        engine.standing, before = standing, console.revision
        console.desk()
        assert console.revision > before, "a page that has asked before asks again"
        told.append(state(console))
    assert "n its way" in told[0]["notices"][-1]
    assert told[1]["engine"]["standing"] == told[1]["notices"][-1] != told[0]["notices"][-1]
    assert "the disk is full" in told[2]["notices"][-1] and told[2]["offer"] is None


def test_the_strongest_components_are_offered_where_the_rank_is_too_high_and_nowhere_else() -> None:
    console, engine = far()
    with pytest.raises(ValueError, match="no rank is in the way"):
        console.serve_strongest()
    engine.standing = engine.standing.refused(ValueError("rank 40"), 32)
    offer = state(console)["offer"]
    assert offer["id"] == "strongest" and "32 strongest" in offer["label"] and "ank 40" in offer["text"]
    console.serve_strongest()
    assert engine.most == 32


def test_an_engine_that_does_not_answer_when_it_is_met_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    console, engine = far()

    def gone() -> None:
        raise ServerError("nothing listens there")

    monkeypatch.setattr(engine, "refresh", gone)
    assert console.desk() is None
    assert console.trouble is not None and console.trouble.advice == "Nothing listens there."
    monkeypatch.undo()
    assert console.desk() is not None and console.trouble is None
