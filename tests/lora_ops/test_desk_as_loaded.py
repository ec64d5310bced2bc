"""What was loaded: a desk goes back to it bit for bit, whatever becomes of the model, and a copy knows no desk."""

from __future__ import annotations

import copy
import io
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.tiny import mix_of, same_tensors, scalable, state_of

from lora_mixer.lora_ops import Desk, Faders, Mix


def test_a_scaling_that_is_not_alpha_over_r_is_what_reset_goes_back_to():
    model = tiny.pirate()
    for layer in tiny.adapter_layers(model):
        layer.set_scale("pirate", 1 / 3)
    loaded, said = tiny.scalings(model), tiny.logits(model)
    desk = Desk(model)
    assert {target.scaling for target in scalable(desk)} == {8 / 4 / 3}
    desk.apply(mix_of(master=0.1))
    desk.reset()
    assert tiny.same_objects(tiny.scalings(model), loaded)
    assert torch.equal(tiny.logits(model), said)


@pytest.mark.parametrize("build", [tiny.two, lambda: tiny.pirate(use_dora=True)], ids=["lora", "dora"])
def test_a_second_desk_reads_what_was_loaded_and_not_what_was_moved(build: Any):
    model = build()
    loaded, said, state = tiny.scalings(model), tiny.logits(model), state_of(model)
    first = Desk(model)
    first.apply(mix_of(master=0.25, kinds={"q_proj": 0.0}))
    second = Desk(model)
    assert second.mix == Mix()
    assert [target.scaling for target in scalable(second)] == [target.scaling for target in scalable(first)]
    assert tiny.same_objects(tiny.scalings(model), loaded)
    assert torch.equal(tiny.logits(model), said)
    second.apply(second.base())
    assert torch.equal(tiny.logits(model), tiny.base_logits(model))
    second.reset()
    assert same_tensors(state_of(model), state)


def test_refresh_keeps_the_faders_and_what_was_loaded():
    model = tiny.two()
    desk = Desk(model)
    desk.apply(mix_of(master=0.25))
    adapters = desk.adapters
    desk.refresh()
    assert desk.adapters == adapters
    assert desk.mix == mix_of(master=0.25)
    desk.reset()
    assert {desk.scaling(target) for target in desk.adapters["pirate"].targets} == {2.0}


def test_an_adapter_that_is_loaded_later_gets_its_faders():
    model = tiny.pirate()
    desk = Desk(model)
    desk.apply(mix_of(master=0.5))
    tiny.add(model, tiny.lora(r=2), "poet")
    assert desk.outdated()
    desk.refresh()
    assert not desk.outdated()
    desk.apply(Mix({"pirate": Faders(master=0.5), "poet": Faders(master=0.25)}))
    assert {desk.scaling(target) for target in desk.adapters["poet"].targets} == {1.0}
    assert {desk.scaling(target) for target in desk.adapters["pirate"].targets} == {1.0}


def test_an_adapter_that_is_gone_loses_its_faders_and_the_others_keep_theirs():
    model = tiny.two()
    desk = Desk(model)
    desk.apply(Mix({"pirate": Faders(master=0.5), "poet": Faders(master=0.25)}))
    model.delete_adapter("poet")
    assert desk.outdated()
    desk.refresh()
    assert list(desk.adapters) == ["pirate"]
    assert desk.mix == mix_of(master=0.5)
    desk.reset()


@pytest.mark.parametrize("gain", [1.0, 0.25, 0.0])
@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
def test_an_adapter_that_is_loaded_anew_under_the_same_name_is_met_anew(gain: float, dora: bool):
    model = tiny.two()
    desk = Desk(model)
    desk.apply(mix_of(master=gain))
    for alpha in (12, 20, 4):  # several times: the memory of a config that is gone may hold the next one
        model.delete_adapter("pirate")
        tiny.add(model, tiny.lora(lora_alpha=alpha, use_dora=dora), "pirate")
        said = tiny.scalings(model)
        assert desk.outdated()
        desk.refresh()
        assert {target.scaling for target in desk.adapters["pirate"].targets} == {alpha / 4}
        desk.reset()
        assert sorted(tiny.scalings(model)) == sorted(said)
        desk.apply(mix_of(master=gain))
        assert {desk.scaling(target) for target in desk.adapters["pirate"].targets} == {alpha / 4 * gain}


@pytest.mark.parametrize("gain", [1.0, 0.25, 0.0])
@pytest.mark.parametrize("assign", [False, True], ids=["copied", "replaced"])
@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
def test_weights_that_are_loaded_into_an_adapter_that_is_there_keep_its_scaling(gain: float, assign: bool, dora: bool):
    other = tiny.pirate(use_dora=dora)
    for name, parameter in other.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data * 1.5
    model = tiny.pirate(use_dora=dora)
    desk = Desk(model)
    desk.apply(mix_of(master=gain))
    weights = {name: tensor.clone() for name, tensor in other.state_dict().items() if "lora_" in name}
    model.load_state_dict(weights, strict=False, assign=assign)
    desk.refresh()
    assert desk.mix == mix_of(master=gain)
    assert {target.scaling for target in scalable(desk)} == {2.0}
    desk.reset()
    assert torch.equal(tiny.logits(model), tiny.logits(other))
    desk.apply(desk.base())
    assert torch.equal(tiny.logits(model), tiny.base_logits(model))


def test_merging_and_unmerging_at_a_moved_fader_does_not_change_what_was_loaded():
    model = tiny.pirate()
    desk = Desk(model)
    desk.apply(mix_of(master=0.5))
    model.merge_adapter()
    assert desk.outdated()
    desk.refresh()
    assert desk.adapters["pirate"].scalable == ()
    assert {target.scaling for target in desk.adapters["pirate"].targets} == {2.0}
    assert desk.mix == mix_of(master=0.5)
    model.unmerge_adapter()
    assert desk.outdated()
    desk.refresh()
    desk.reset()
    assert set(tiny.scalings(model)) == {2.0}
    torch.testing.assert_close(tiny.logits(model), tiny.logits(tiny.pirate()), rtol=1e-3, atol=1e-3)


def test_a_desk_is_not_outdated_by_its_own_moves():
    model = tiny.two()
    desk = Desk(model)
    desk.apply(desk.base())
    assert not desk.outdated()
    desk.engine.playing.only(["poet"])
    assert not desk.outdated()
    model.base_model.set_adapter(["pirate"])
    assert desk.outdated()  # somebody else's
    desk.refresh()
    assert not desk.outdated() and desk.engine.playing.as_loaded == ("pirate",)


def test_base_turns_every_adapter_off():
    desk = Desk(tiny.two())
    assert desk.base() == Mix({"pirate": Faders(on=False), "poet": Faders(on=False)})


# Copies


@pytest.mark.parametrize("build", [tiny.two, lambda: tiny.pirate(use_dora=True), tiny.injected])
def test_a_copy_of_a_model_comes_without_a_desk_and_leads_a_life_of_its_own(build: Any):
    model = build()
    desk = Desk(model)
    said = tiny.logits(model)
    twin = copy.deepcopy(model)
    desk.apply(desk.base())
    assert torch.equal(tiny.logits(twin), said)
    other = Desk(twin)
    assert other is not desk
    other.apply(mix_of(master=2.0))
    desk.reset()
    assert torch.equal(tiny.logits(model), said)
    assert not torch.equal(tiny.logits(twin), said)


def test_a_model_with_a_desk_can_be_saved_whole_and_loaded():
    model = tiny.two()
    Desk(model)
    said = tiny.logits(model)
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    read = torch.load(file, weights_only=False)
    assert torch.equal(tiny.logits(read), said)
    desk = Desk(read)
    desk.apply(desk.base())
    assert torch.equal(tiny.logits(read), tiny.base_logits(read))


def test_a_model_goes_away_with_its_desk():
    import gc
    import weakref

    model = tiny.pirate()
    desk = weakref.ref(Desk(model))
    gone = weakref.ref(model)
    assert desk() is not None  # the model keeps it
    del model
    gc.collect()
    assert gone() is None and desk() is None
