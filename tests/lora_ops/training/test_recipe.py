"""What to try next time: right where the truth is known, and honest about what is not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.advised import made
from helpers.planted import planted
from helpers.tiny import KINDS, Kind

from lora_mixer.lora_ops import Desk, Sure, read_weights, recipe, spectrum, spectrum_weights


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_of_adapter_has_a_recipe_that_survives_json(kind: Kind) -> None:
    desk = Desk(kind.build())
    known = spectrum(desk)
    for name, adapter in desk.adapters.items():
        if not adapter.scalable:
            continue
        found = recipe(known, adapter)
        assert found.adapter == name and found.r >= 1 and found.alpha > 0
        assert set(found.target_modules) <= set(adapter.kinds)
        assert json.loads(json.dumps(found.to_dict(), allow_nan=False)) == found.to_dict()
        assert all(one.advice and one.why and (one.sure is not Sure.rule or one.source) for one in found.lines)


def test_the_folder_alone_gives_the_same_recipe(tmp_path: Path) -> None:
    for options in ({}, {"use_rslora": True}):
        model = planted(3, **options)
        live = made(model)
        model.save_pretrained(tmp_path)
        weights = read_weights(tmp_path / "pirate")
        found = recipe(spectrum_weights([weights]), weights.adapter)
        assert set(found.target_modules) == set(live.target_modules)  # a file has them in an order of its own
        assert replace(found, lines=(), target_modules=()) == replace(live, lines=(), target_modules=())
        assert [(one.of, one.sure) for one in found.lines] == [(one.of, one.sure) for one in live.lines]


def test_what_cannot_be_is_refused() -> None:
    desk = Desk(planted(3))
    known = spectrum(desk)
    with pytest.raises(ValueError, match="share of the energy"):
        recipe(known, desk.adapters["pirate"], energy=95)
    other = replace(desk.adapters["pirate"], name="poet")
    with pytest.raises(ValueError, match="poet"):
        recipe(known, other)
    with pytest.raises(ValueError, match="no recipe"):
        recipe(known, replace(desk.adapters["pirate"], targets=()))
