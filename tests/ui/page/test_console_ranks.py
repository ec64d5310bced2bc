"""Faders that an engine cannot play in full: what it can stays where it stood."""

from __future__ import annotations

from helpers.toy_engine import ToyEngine

from lora_mixer.lora_ops import Desk, Faders
from lora_mixer.lora_ops.engines.engine import Ability
from lora_mixer.ui.page.console import _as_far_as_it_fits


class WithoutRanks(ToyEngine):
    def why_not(self, what: Ability) -> str:
        return "no ranks here" if what == "rank" else ""


def test_where_ranks_cannot_be_played_all_other_faders_keep_their_place() -> None:
    faders = Faders(master=0.5, rank=2)
    assert _as_far_as_it_fits(Desk(WithoutRanks()), "pirate", faders) == Faders(master=0.5)
    apart = Faders(master=0.5, modules={"model.layers.0-1.self_attn.q_proj": 0.0})
    assert _as_far_as_it_fits(Desk(WithoutRanks()), "pirate", apart) == Faders(master=0.5)
    strange = Faders(kinds={"no_such_kind": 0.0})
    assert _as_far_as_it_fits(Desk(WithoutRanks()), "pirate", strange) is None
