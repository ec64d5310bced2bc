"""The set of adapters that take part, and the way back to the one that was loaded."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import peft
import pytest
import tiny
import torch
from peft import inject_adapter_in_model

from lora_mixer.lora_ops import Desk
from lora_mixer.lora_ops.playing import Playing


def injected_two() -> Any:
    model = tiny.injected()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.add_adapter(tiny.lora(r=2, target_modules=["q_proj"]), adapter_name="poet")
    model.set_adapter(["pirate", "poet"])
    return model.eval()


def injected_by_hand() -> Any:
    model = inject_adapter_in_model(tiny.lora(), tiny.llama(), adapter_name="pirate")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PEFT wonders that there is an adapter already
        inject_adapter_in_model(tiny.lora(r=2), model, adapter_name="poet")
    for layer in tiny.adapter_layers(model):
        layer.set_adapter(["pirate"])
    return model.eval()


CARRIERS: list[tuple[str, Callable[[], Any], tuple[str, ...]]] = [
    ("a PeftModel", tiny.two, ("pirate", "poet")),
    ("a transformers model", injected_two, ("pirate", "poet")),
    ("a mixed model", tiny.mixed, ("pirate", "poet")),
    ("an injected module", injected_by_hand, ("pirate",)),
]
ids = [name for name, _, _ in CARRIERS]


def gradients(model: Any) -> list[tuple[str, bool]]:
    return [(name, parameter.requires_grad) for name, parameter in model.named_parameters()]


def active(model: Any) -> set[tuple[str, ...]]:
    return {tuple(layer.active_adapters) for layer in tiny.adapter_layers(model)}


@pytest.mark.parametrize(("build", "names"), [(build, names) for _, build, names in CARRIERS], ids=ids)
def test_the_adapters_that_take_part_are_named(build: Callable[[], Any], names: tuple[str, ...]):
    assert Playing(build()).names() == names


@pytest.mark.parametrize(("build", "names"), [(build, names) for _, build, names in CARRIERS], ids=ids)
def test_others_can_play_and_the_set_of_before_comes_back(build: Callable[[], Any], names: tuple[str, ...]):
    model = build()
    playing = Playing(model)
    before, said = gradients(model), tiny.logits(model)
    playing.only(["poet"])
    assert playing.names() == ("poet",)
    assert active(model) == {("poet",)}
    assert gradients(model) == before
    assert not torch.equal(tiny.logits(model), said)
    playing.restore()
    assert playing.names() == names
    assert gradients(model) == before
    assert torch.equal(tiny.logits(model), said)


def test_playing_an_adapter_makes_nothing_trainable():
    model = tiny.two()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    playing = Playing(model)
    playing.only(["poet"])
    playing.restore()
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_the_sources_of_a_weighted_adapter_can_play_instead_of_it():
    model = tiny.blended()
    desk = Desk(model)
    assert desk.playing.names() == ("__merged",)
    said = tiny.logits(model)
    desk.playing.only(["pirate", "poet"])
    desk.refresh()
    assert desk.playing.names() == ("pirate", "poet")
    sources = tiny.logits(model)
    assert not torch.equal(sources, said)
    desk.apply(tiny.mix_of("poet", on=False))
    assert not torch.equal(tiny.logits(model), sources)
    desk.reset()
    assert desk.playing.names() == ("__merged",)
    assert torch.equal(tiny.logits(model), said)


def test_an_adapter_that_does_not_play_adds_nothing_wherever_its_faders_stand():
    model = tiny.blended()
    desk = Desk(model)
    said = tiny.logits(model)
    desk.apply(tiny.mix_of(master=5.0))
    assert torch.equal(tiny.logits(model), said)


def test_the_order_and_repetitions_of_names_do_not_matter():
    playing = Playing(tiny.two())
    playing.only(["poet", "pirate", "poet"])
    assert playing.names() == ("poet", "pirate")


@pytest.mark.parametrize(
    ("names", "message"),
    [([], "name at least one adapter"), (["parrot"], "not loaded: parrot; loaded are pirate, poet")],
)
def test_what_cannot_play_is_refused_and_nothing_changes(names: list[str], message: str):
    model = tiny.two()
    playing = Playing(model)
    with pytest.raises(ValueError, match=message):
        playing.only(names)
    assert playing.names() == ("pirate", "poet")


def test_a_set_that_somebody_else_chose_is_the_one_to_come_back_to():
    model = tiny.two()
    desk = Desk(model)
    model.base_model.set_adapter(["poet"])
    desk.refresh()
    desk.playing.only(["pirate"])
    desk.reset()
    assert desk.playing.names() == ("poet",)


def test_a_second_desk_comes_back_to_the_set_that_was_loaded():
    model = tiny.two()
    Desk(model).playing.only(["poet"])
    assert Desk(model).playing.names() == ("pirate", "poet")


@pytest.mark.parametrize("look", [True, False], ids=["after a look", "without a look"])
def test_adapters_that_are_gone_are_not_missed(look: bool):
    model = tiny.blended()
    desk = Desk(model)
    desk.playing.only(["pirate", "poet"])
    model.delete_adapter("__merged")
    if look:
        desk.refresh()
    desk.reset()
    assert desk.playing.names() == ("pirate", "poet")


def test_a_prompt_that_plays_is_named():
    config = peft.PromptTuningConfig(num_virtual_tokens=3, task_type="CAUSAL_LM")
    desk = Desk(tiny.add(tiny.llama(), config))
    assert desk.playing.names() == ("pirate",)
    desk.reset()
    assert desk.playing.names() == ("pirate",)
