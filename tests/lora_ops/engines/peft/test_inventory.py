"""What is in a model: found again as it was, whoever moved it, and looked at again when something came or went."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from helpers import tiny
from helpers.tiny import KINDS, Kind

from lora_mixer.lora_ops.engines.peft.inventory import Inventory


def looked(model: Any) -> Inventory:
    inventory = Inventory(model)
    inventory.look()
    return inventory


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_each_target_has_its_knob_and_a_second_look_finds_the_same(kind: Kind) -> None:
    model = kind.build()
    before = tiny.fingerprint(model)
    inventory = looked(model)
    knobs = list(inventory.knobs)
    loaded = [knob.loaded for knob in knobs]
    for adapter in inventory.adapters.values():
        of = inventory.knobs_of(adapter.name)
        assert [inventory.knob(target) for target in adapter.scalable] == of
        assert {knob.adapter for knob in of} == {adapter.name}
    assert len(knobs) == len(inventory.targets) == kind.targets
    assert tiny.fingerprint(model) == before
    for knob in knobs:
        knob.layer.scaling[knob.adapter] = 99.0
    assert inventory.look() == set() and [knob.loaded for knob in inventory.knobs] == loaded
    assert not inventory.changed()


CHANGES: dict[str, Callable[[Any], Any]] = {
    "loaded": lambda model: tiny.add(model, tiny.lora(r=2), "third"),
    "removed": lambda model: model.delete_adapter("poet"),
    "merged": lambda model: model.merge_adapter(["pirate"]),
    "loaded in another's place": lambda model: (
        model.delete_adapter("poet"),
        tiny.add(model, tiny.lora(r=2), "poet"),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_came_or_went_is_noticed_until_somebody_looks(change: str) -> None:
    model: Any = tiny.two()
    assert Inventory(model).changed(), "nobody has looked yet"
    inventory = looked(model)
    assert not inventory.changed()
    CHANGES[change](model)
    assert inventory.changed()
    fresh = inventory.look()
    assert not inventory.changed()
    assert fresh == {"loaded": {"third"}, "loaded in another's place": {"poet"}}.get(change, set())


def test_a_target_that_is_not_there_is_refused_by_name() -> None:
    one, other = looked(tiny.pirate()), looked(tiny.add(tiny.llama(), tiny.lora(), "poet"))
    with pytest.raises(ValueError, match=f"{other.targets[0].name} of 'poet' has no scaling here"):
        one.knob(other.targets[0])
