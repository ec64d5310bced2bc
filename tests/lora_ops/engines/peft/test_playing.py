"""The set of adapters that take part, and the way back to the one that was loaded."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import peft
import pytest
import torch
from helpers import tiny
from peft import inject_adapter_in_model

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.engines.peft.playing import Playing


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
    assert desk.engine.playing.names() == ("__merged",)
    said = tiny.logits(model)
    separate = {"__merged": Faders(on=False), "pirate": Faders(), "poet": Faders()}
    desk.apply(Mix(separate))
    assert desk.heard() == ["pirate", "poet"]
    sources = tiny.logits(model)
    assert not torch.equal(sources, said)
    desk.apply(Mix({**separate, "poet": Faders(on=False)}))
    assert not torch.equal(tiny.logits(model), sources)
    desk.reset()
    assert desk.engine.playing.names() == ("__merged",)
    assert torch.equal(tiny.logits(model), said)


def test_an_adapter_that_did_not_play_is_heard_where_a_mix_names_it_and_has_it_on():
    model = tiny.two()
    both = tiny.logits(model)
    model.base_model.set_adapter(["pirate"])
    alone, loaded = tiny.logits(model), tiny.scalings(model)
    desk = Desk(model)
    desk.apply(Mix({"poet": Faders()}))
    assert desk.heard() == ["pirate", "poet"] and torch.equal(tiny.logits(model), both)
    assert desk.heard(Mix()) == ["pirate"]
    for mix in (Mix(), Mix({"poet": Faders(on=False)}), Mix({"pirate": Faders()})):
        desk.apply(mix)
        assert desk.heard() == ["pirate"] and torch.equal(tiny.logits(model), alone)
    desk.apply(Mix({"poet": Faders(master=0.5), "pirate": Faders(on=False)}))
    desk.reset()
    assert tiny.same_objects(tiny.scalings(model), loaded)
    assert active(model) == {("pirate",)} and torch.equal(tiny.logits(model), alone)


def test_rows_hear_an_adapter_that_did_not_play_only_where_they_name_it():
    model = tiny.two()
    model.base_model.set_adapter(["pirate"])
    desk = Desk(model)
    mixes = [Mix(), Mix({"poet": Faders(master=0.5)}), desk.base(), Mix({"pirate": Faders(master=0.25)})]
    alone = []
    for mix in mixes:
        desk.apply(mix)
        alone.append(tiny.logits(model))
    desk.reset()
    with desk.rows(mixes):
        together = tiny.logits(model, tiny.prompt(rows=len(mixes)))
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)
    assert active(model) == {("pirate",)} and not torch.allclose(alone[0], alone[1], atol=1e-3)


def test_an_adapter_that_is_loaded_again_is_not_taken_for_the_one_that_a_mix_let_play():
    model = tiny.two()
    model.base_model.set_adapter(["pirate"])
    desk = Desk(model)
    desk.apply(Mix({"poet": Faders(master=0.5)}))
    model.delete_adapter("poet")
    tiny.add(model, tiny.lora(r=2), "poet")
    model.base_model.set_adapter(["pirate", "poet"])
    desk.refresh()
    desk.reset()
    assert desk.engine.playing.names() == ("pirate", "poet"), "whoever loaded it this time has it play"


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
    desk.engine.playing.only(["pirate"])
    desk.reset()
    assert desk.engine.playing.names() == ("poet",)


def test_a_second_desk_comes_back_to_the_set_that_was_loaded():
    model = tiny.two()
    Desk(model).engine.playing.only(["poet"])
    assert Desk(model).engine.playing.names() == ("pirate", "poet")


@pytest.mark.parametrize("look", [True, False], ids=["after a look", "without a look"])
def test_adapters_that_are_gone_are_not_missed(look: bool):
    model = tiny.blended()
    desk = Desk(model)
    desk.engine.playing.only(["pirate", "poet"])
    model.delete_adapter("__merged")
    if look:
        desk.refresh()
    desk.reset()
    assert desk.engine.playing.names() == ("pirate", "poet")


def test_a_prompt_that_plays_is_named():
    config = peft.PromptTuningConfig(num_virtual_tokens=3, task_type="CAUSAL_LM")
    desk = Desk(tiny.add(tiny.llama(), config))
    assert desk.engine.playing.names() == ("pirate",)
    desk.reset()
    assert desk.engine.playing.names() == ("pirate",)
