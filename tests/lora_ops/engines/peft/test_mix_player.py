"""Knobs stand where mixes say: written when they have to move, and told apart only where they are heard."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import tiny
from helpers.tiny import mix_of

from lora_mixer.lora_ops import Fade, Faders, Mix
from lora_mixer.lora_ops.engines.peft import mix_player
from lora_mixer.lora_ops.engines.peft.inventory import Inventory
from lora_mixer.lora_ops.engines.peft.mix_player import MixPlayer, named
from lora_mixer.lora_ops.engines.peft.playing import Playing


def player_of(model: Any) -> MixPlayer:
    inventory = Inventory(model)
    inventory.look()
    return MixPlayer(inventory, Playing(model))


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were written, write after write."""
    told: Any = []
    one, several = mix_player.turn, mix_player.turn_rows
    monkeypatch.setattr(mix_player, "turn", lambda knobs, gains: told.append(1) or one(knobs, gains))
    monkeypatch.setattr(mix_player, "turn_rows", lambda knobs, rows: told.append(len(rows)) or several(knobs, rows))
    return told


def test_knobs_that_stand_where_they_should_are_not_written_again(written: list[int]) -> None:
    model = tiny.two()
    player = player_of(model)
    fade = Mix({"pirate": Faders(fades={"master": Fade(((0, 0.0), (2, 1.0), (4, 1.0)))})})
    player.take([fade])
    for token in (0, 0, 1, 2, 3, 4):
        player.turn(token)
    assert written == [1, 1, 1], "at tokens 0, 1 and 2: from there on it stands still"
    player.doubt()
    player.turn(4)
    player.take([fade, Mix()])
    player.turn(4)
    assert written == [1, 1, 1, 1, 2]


def test_only_what_is_heard_tells_mixes_apart() -> None:
    player = player_of(tiny.two())
    half, off = mix_of(kinds={"q_proj": 0.5}), mix_of(on=False)
    assert {target.kind for target, _ in player.differing([Mix(), half])} == {"q_proj"}
    assert player.differing([half, half]) == []
    assert {target.adapter for target, _ in player.differing([Mix(), off])} == {"pirate"}
    fading = mix_of(fades={"kind:q_proj": Fade(((0, 1.0), (9, 0.0)))})
    assert "q_proj" in {target.kind for target, _ in player.differing([Mix(), fading])}, "later it differs"
    assert player.differing([fading, fading]) == []


def test_whoever_plays_only_because_a_mix_names_it_is_silent_in_the_others() -> None:
    model: Any = tiny.two()
    model.base_model.set_adapter(["pirate"])
    player = player_of(model)
    silent, heard = mix_of("poet", on=False), mix_of("poet", master=0.5)
    assert player.differing([Mix(), silent]) == [], "poet plays in neither"
    assert {target.adapter for target, _ in player.differing([Mix(), heard])} == {"poet"}
    player.take([Mix(), heard])
    player.turn(0)
    layer = next(one for one in tiny.adapter_layers(model) if "poet" in one.scaling)
    assert layer.scaling["poet"].flatten().tolist()[0] == 0.0


def test_one_batch_has_one_set_of_components_of_each_adapter() -> None:
    player = player_of(tiny.two())
    two, four = mix_of(rank=2), mix_of(rank=4)
    assert "'pirate'" in player.why_not_ranks([two, four]) and player.why_not_ranks([two, two]) == ""
    assert player.why_not_ranks([two, mix_of(rank=4, on=False)]) == "", "who is off has none heard"


def test_only_adapters_that_are_on_are_named() -> None:
    assert list(named([mix_of(), mix_of("poet", on=False), mix_of("poet")])) == ["pirate", "poet"]
    assert not named([Mix(), mix_of(on=False)])
