"""A plan tells before anything is written what will be written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers import tiny
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Desk, Fade, Faders, Mix
from lora_mixer.lora_ops.bakery.combine import combined
from lora_mixer.lora_ops.bakery.fold import draft_of
from lora_mixer.lora_ops.bakery.merge import merge
from lora_mixer.lora_ops.bakery.plan import Plan, fades_until
from lora_mixer.lora_ops.bakery.ways import COMBINATIONS, NEED_DENSITY, WAYS, Form, Recipe
from lora_mixer.lora_ops.bakery.writing import Writing
from lora_mixer.lora_ops.shelf.adapter_weights import read_weights
from lora_mixer.lora_ops.shelf.live_weights import loaded_weights

BOTH = ["pirate", "poet"]


@tiny.some
@given(st.data())
def test_whatever_the_mix_the_form_of_one_adapter_has_the_rank_and_targets_that_were_planned(data: st.DataObject):
    desk = Desk(tiny.two())
    mix = data.draw(tiny.mixes(desk.adapters.values()))
    name = data.draw(st.sampled_from(BOTH))
    form = data.draw(st.sampled_from([*map(Form, WAYS), Form(uniform=False), Form(drop_silent=True)]))
    plan = Plan.of([desk.adapters[name]], mix, form)
    if not plan.targets:
        with pytest.raises(ValueError, match="nothing would be left"):
            draft_of(loaded_weights(desk, name), mix.gain, form)
        return
    draft = draft_of(loaded_weights(desk, name), mix.gain, form)
    assert plan == Plan(draft.rank, draft.targets, draft.silent)


@tiny.some
@given(st.data())
def test_whatever_the_mix_several_become_one_of_the_rank_that_was_planned(data: st.DataObject):
    desk = Desk(tiny.two())
    mix = data.draw(tiny.mixes(desk.adapters.values()))
    recipe = data.draw(st.sampled_from([Recipe("cat"), Recipe("cat", uniform=False), Recipe("svd")]))
    if recipe.by_svd:
        recipe = Recipe("svd", rank=data.draw(st.sampled_from([None, 1, 3, 5, 6, 40])))
    plan = Plan.of([desk.adapters[name] for name in BOTH], mix, recipe)
    draft = combined([loaded_weights(desk, name) for name in BOTH], mix, recipe)
    assert plan == Plan(draft.rank, draft.targets, draft.silent)


@pytest.mark.parametrize("combination", COMBINATIONS)
@pytest.mark.parametrize("silent", [(), ("poet",), ("pirate", "poet")], ids=["loud", "one silent", "both silent"])
def test_every_combination_has_the_rank_that_was_planned(combination: Any, silent: tuple[str, ...]):
    model = tiny.pirate(target_modules=["q_proj", "v_proj"])
    desk = Desk(tiny.add(model, tiny.lora(target_modules=["q_proj", "up_proj"]), "poet"))
    mix = Mix({name: Faders(on=False) for name in silent})
    recipe = Recipe(combination, density=0.5 if combination in NEED_DENSITY else None)
    plan = Plan.of([desk.adapters[name] for name in BOTH], mix, recipe)
    draft = combined([loaded_weights(desk, name) for name in BOTH], mix, recipe)
    assert plan == Plan(draft.rank, draft.targets, draft.silent)


def test_a_whole_model_has_no_rank(tmp_path: Path):
    desk = Desk(tiny.pirate())
    plan = Plan.of([desk.adapters["pirate"]], Mix(), None)
    merged = merge(desk, Mix(), tmp_path, "whole", writing=Writing(check=False))
    assert plan == Plan(None, merged.targets, 0)


def test_an_adapter_in_its_folder_is_planned_like_a_loaded_one(tmp_path: Path):
    tiny.pirate().save_pretrained(tmp_path)
    loaded = Desk(tiny.pirate()).adapters["pirate"]
    alone = read_weights(tmp_path / "pirate").adapter
    mix = Mix({"pirate": Faders(kinds={"q_proj": 0.0})})
    assert Plan.of([alone], mix, Form()) == Plan.of([loaded], mix, Form())
    assert alone.parameters == loaded.parameters


def test_what_cannot_be_baked_is_refused_by_its_plan():
    adapters = [Desk(tiny.two()).adapters[name] for name in BOTH]
    with pytest.raises(ValueError, match="at least one"):
        Plan.of([], Mix(), None)
    with pytest.raises(ValueError, match="for one adapter, and there are 2"):
        Plan.of(adapters, Mix(), Form())
    faded = Mix({"poet": Faders(fades={"master": Fade.parse("0 at 3, 1 at 40"), "layer:1": Fade.parse("1 at 7")})})
    with pytest.raises(ValueError, match=r"'poet' fades over a reply.*choose the token"):
        Plan.of(adapters, faded, Recipe())
    assert Plan.of(adapters[:1], faded, Form()) == Plan.of(adapters[:1], Mix(), Form())
    assert fades_until(faded, BOTH) == 40 and fades_until(faded, ["pirate"]) is None
    assert Plan.of(adapters, faded.at(0), Recipe()).rank == 4


def test_a_form_that_keeps_all_weights_leaves_no_silent_ones_out():
    with pytest.raises(ValueError, match="baked patterned keeps all its weights"):
        Form("patterned", drop_silent=True)
