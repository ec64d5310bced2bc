"""The desk: a mix against a live model, obeyed by the next forward pass, and a way back bit for bit."""

from __future__ import annotations

import copy
import io
import math
import random
import threading
from typing import Any

import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tiny import KINDS, Kind, mix_of, some
from transformers import StoppingCriteria, StoppingCriteriaList

from lora_mixer.lora_ops import Desk, Faders, Mix, Target


def state_of(model: Any) -> list[torch.Tensor]:
    return [tensor.detach().clone() for tensor in model.state_dict().values()]


def same_tensors(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def scalable(desk: Desk) -> list[Target]:
    return [target for adapter in desk.adapters.values() for target in adapter.scalable]


# Exactness


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_all_off_is_the_base_model_to_the_bit(kind: Kind):
    model = kind.build()
    base, loaded = tiny.base_logits(model), tiny.logits(model)
    assert not torch.equal(base, loaded)
    desk = Desk(model)
    desk.apply(desk.base())
    assert torch.equal(tiny.logits(model), base)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_all_masters_at_zero_are_the_base_model_to_the_bit(kind: Kind):
    model = kind.build()
    base = tiny.base_logits(model)
    desk = Desk(model)
    desk.apply(Mix({name: Faders(master=0.0) for name in desk.adapters}))
    assert torch.equal(tiny.logits(model), base)


def test_all_off_is_the_very_model_that_had_no_adapters():
    model = tiny.two()
    desk = Desk(model)
    desk.apply(desk.base())
    assert torch.equal(tiny.logits(model), tiny.logits(tiny.llama()))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_reset_is_as_loaded_to_the_bit(kind: Kind):
    model = kind.build()
    loaded, numbers, before = tiny.logits(model), tiny.scalings(model), tiny.fingerprint(model)
    desk = Desk(model)
    for gain in (0.0, 0.37, -1.4):
        desk.apply(Mix({name: Faders(master=gain) for name in desk.adapters}))
        tiny.logits(model)
    desk.reset()
    assert tiny.same_objects(tiny.scalings(model), numbers)
    assert torch.equal(tiny.logits(model), loaded)
    assert tiny.fingerprint(model) == before


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_mix_of_ones_is_as_loaded_to_the_bit(kind: Kind):
    model = kind.build()
    loaded = tiny.logits(model)
    desk = Desk(model)
    desk.apply(desk.base())
    desk.apply(Mix({a.name: Faders(kinds=dict.fromkeys(a.kinds, 1.0)) for a in desk.adapters.values()}))
    assert torch.equal(tiny.logits(model), loaded)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_desk_says_what_stands_in_every_layer(kind: Kind):
    model = kind.build()
    desk = Desk(model)
    mix = Mix({name: Faders(master=0.5) for name in desk.adapters})
    desk.apply(mix)
    assert desk.mix == mix
    for target in scalable(desk):
        assert desk.scaling(target) == target.scaling * 0.5
    assert sorted(tiny.scalings(model)) == sorted(target.scaling * 0.5 for target in scalable(desk))


def test_one_silent_target_is_a_model_whose_adapter_lacks_it():
    model = tiny.pirate()
    desk = Desk(model)
    desk.apply(mix_of(modules={"model.layers.1.mlp.down_proj": 0.0}))
    without = tiny.pirate()
    without.base_model.model.model.layers[1].mlp.down_proj.scaling["pirate"] = 0.0
    assert torch.equal(tiny.logits(model), tiny.logits(without))


def test_a_mix_moves_its_own_adapter_alone():
    model = tiny.two()
    desk = Desk(model)
    desk.apply(mix_of("poet", master=0.0))
    assert {desk.scaling(target) for target in desk.adapters["pirate"].targets} == {2.0}
    assert {desk.scaling(target) for target in desk.adapters["poet"].targets} == {0.0}


@pytest.mark.parametrize("build", [tiny.two, lambda: tiny.pirate(use_dora=True)], ids=["lora", "dora"])
def test_thousands_of_random_moves_and_a_reset_leave_no_trace(build: Any):
    model = build()
    loaded, numbers, before, state = (
        tiny.logits(model),
        tiny.scalings(model),
        tiny.fingerprint(model),
        state_of(model),
    )
    desk = Desk(model)
    dice = random.Random(0)
    targets = scalable(desk)
    for _ in range(3000):
        target = dice.choice(targets)
        desk.apply(
            Mix(
                {
                    target.adapter: Faders(
                        on=dice.random() < 0.9,
                        master=dice.uniform(-3, 3),
                        kinds={target.kind: dice.uniform(-3, 3)},
                        modules={target.name: dice.choice([0.0, 1.0, dice.gauss(0, 2)])},
                    )
                }
            )
        )
    desk.reset()
    assert tiny.same_objects(tiny.scalings(model), numbers)
    assert same_tensors(state_of(model), state)
    assert tiny.fingerprint(model) == before
    assert torch.equal(tiny.logits(model), loaded)


class Moves(RuleBasedStateMachine):
    """Any sequence of moves: the layers hold what the mix says, and a reset brings the very objects back."""

    @initialize()
    def build(self) -> None:
        self.model = tiny.two()
        self.loaded = tiny.scalings(self.model)
        self.desk = Desk(self.model)

    @rule(data=st.data())
    def apply(self, data: st.DataObject) -> None:
        self.desk.apply(data.draw(tiny.mixes(self.desk.adapters.values())))

    @rule()
    def reset(self) -> None:
        self.desk.reset()
        assert tiny.same_objects(tiny.scalings(self.model), self.loaded)

    @rule()
    def refresh(self) -> None:
        mix = self.desk.mix
        self.desk.refresh()
        assert self.desk.mix == mix

    @rule(names=st.sampled_from([["pirate"], ["poet"], ["poet", "pirate"]]))
    def play(self, names: list[str]) -> None:
        self.desk.playing.only(names)

    @rule()
    def a_new_desk(self) -> None:
        self.desk = Desk(self.model)
        assert tiny.same_objects(tiny.scalings(self.model), self.loaded)

    @rule(data=st.data())
    def rows(self, data: st.DataObject) -> None:
        mixes = st.lists(tiny.mixes(self.desk.adapters.values()), min_size=1, max_size=3)
        with self.desk.rows(data.draw(mixes)):
            self.desk.apply(data.draw(tiny.mixes(self.desk.adapters.values())))

    @invariant()
    def the_layers_hold_what_the_mix_says(self) -> None:
        if hasattr(self, "desk"):
            for target in scalable(self.desk):
                assert self.desk.scaling(target) == target.scaling * self.desk.mix.gain(target)


def test_any_sequence_of_moves_is_held_by_the_layers():
    run_state_machine_as_test(Moves, settings=settings(deadline=None, max_examples=10, stateful_step_count=20))


# At rest


@given(data=st.data())
@some
def test_a_desk_adds_nothing_to_the_model_wherever_its_faders_stand(data: st.DataObject):
    model, desk, before = _resting()
    desk.apply(data.draw(tiny.mixes(desk.adapters.values())))
    assert tiny.fingerprint(model) == before


def _resting(made: list[Any] = []) -> Any:  # noqa: B006 - made once for all examples
    if not made:
        model = tiny.two()
        made.append((model, Desk(model), tiny.fingerprint(model)))
    return made[0]


def test_a_desk_leaves_trainable_parameters_trainable_and_the_others_not():
    model = tiny.two()
    before = [(name, parameter.requires_grad) for name, parameter in model.named_parameters()]
    desk = Desk(model)
    desk.apply(desk.base())
    desk.playing.only(["poet"])
    desk.reset()
    assert [(name, parameter.requires_grad) for name, parameter in model.named_parameters()] == before


# Refusals


@pytest.mark.parametrize(
    ("mix", "message"),
    [
        (Mix({"pirat": Faders()}), "this model has no adapter 'pirat'; it has pirate"),
        (mix_of(kinds={"q_porj": 0.5}), "adapter 'pirate' has no kind 'q_porj'; it has q_proj"),
        (mix_of(layers={2: 0.5}), "adapter 'pirate' has no layer 2; it has 0, 1"),
        (mix_of(modules={"lm_head": 0.5}), "adapter 'pirate' has no target 'lm_head'; it has"),
        (mix_of("poet", kinds={"up_proj": 0.5}), "adapter 'poet' has no kind 'up_proj'; it has"),
        (mix_of(master=1e200, kinds={"q_proj": 1e200}), "the gains of model.layers.0.self_attn.q_proj in adapter"),
        (
            mix_of(master=1e200, kinds={"q_proj": 1e200}, layers={0: 0.0}),
            "self_attn.q_proj in adapter 'pirate' multiply to no finite number",
        ),
        (mix_of(master=1.7e308), "multiply to no finite number"),
    ],
    ids=["adapter", "kind", "layer", "target", "kind of the other", "overflow", "overflow times zero", "times scaling"],
)
def test_a_mix_that_does_not_fit_is_refused_and_nothing_moves(mix: Mix, message: str):
    model = tiny.two()
    desk = Desk(model)
    good = Mix({"pirate": Faders(master=0.3), "poet": Faders(kinds={"v_proj": 2.0})})
    desk.apply(good)
    numbers, said = tiny.scalings(model), tiny.logits(model)
    for attempt in (desk.check, desk.apply, lambda mix: desk.rows([good, mix]).__enter__()):
        with pytest.raises(ValueError, match="has no|finite") as refusal:
            attempt(mix)
        assert message in str(refusal.value)
        assert desk.mix == good
        assert tiny.same_objects(tiny.scalings(model), numbers)
        assert torch.equal(tiny.logits(model), said)


def test_large_gains_that_never_meet_are_finite():
    desk = Desk(tiny.pirate(rank_pattern={"q_proj": 2}))
    desk.apply(mix_of(kinds={"q_proj": 1e300}, modules={"model.layers.0.mlp.up_proj": 1e300}))
    desk.apply(mix_of(master=0.0, kinds={"q_proj": 1e300}, layers={0: 1e300}, on=False))


def test_a_model_without_layers_has_no_layer_to_move():
    desk = Desk(tiny.pirate(target_modules=["lm_head"]))
    with pytest.raises(ValueError, match=r"adapter 'pirate' has no layer 0$"):
        desk.apply(mix_of(layers={0: 0.5}))


def test_a_long_list_of_names_is_cut():
    desk = Desk(tiny.pirate())
    with pytest.raises(ValueError, match="…") as refusal:
        desk.apply(mix_of(modules={"zzz": 0.5}))
    assert len(str(refusal.value)) < 400


def test_a_target_that_is_not_there_has_no_scaling():
    desk = Desk(tiny.pirate())
    stranger = Target("poet", "lm_head", None, "lm_head", 4, 8.0, 2.0, True)
    with pytest.raises(ValueError, match="lm_head of 'poet' has no scaling here"):
        desk.scaling(stranger)


def test_when_a_move_fails_half_way_the_faders_stand_where_they_stood(monkeypatch: pytest.MonkeyPatch):
    model = tiny.pirate(use_dora=True)
    desk = Desk(model)
    desk.apply(mix_of(kinds={"q_proj": 0.5}))
    numbers = [desk.scaling(target) for target in scalable(desk)]

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the base weight cannot be read")

    # The norm of q_proj is known by now; v_proj's is not, and comes after q_proj.
    monkeypatch.setattr("peft.utils.integrations.dequantize_module_weight", broken)
    with pytest.raises(RuntimeError, match="cannot be read"):
        desk.apply(mix_of(kinds={"q_proj": 0.25, "v_proj": 0.5}))
    assert desk.mix == mix_of(kinds={"q_proj": 0.5})
    assert [desk.scaling(target) for target in scalable(desk)] == numbers


# As loaded


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
    desk.playing.only(["poet"])
    assert desk.outdated()  # its own switch, but the page has to be drawn anew
    desk.refresh()
    assert not desk.outdated()


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


# Live


class Mover(StoppingCriteria):
    """Moves the faders when so many new tokens are there."""

    def __init__(self, desk: Desk, after: int, mix: Mix, prompt: int) -> None:
        self.move = lambda: desk.apply(mix)
        self.at = prompt + after

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        if input_ids.shape[1] == self.at:
            self.move()
        return torch.zeros(input_ids.shape[0], dtype=torch.bool)


@pytest.mark.parametrize("build", [tiny.pirate, lambda: tiny.pirate(use_dora=True)], ids=["lora", "dora"])
@pytest.mark.parametrize("after", [1, 5, 11])
def test_a_mix_moved_in_the_middle_of_a_generation_is_obeyed_by_the_next_token(build: Any, after: int):
    ids = tiny.prompt()
    options = {
        "max_new_tokens": 12,
        "do_sample": False,
        "output_logits": True,
        "return_dict_in_generate": True,
        "attention_mask": torch.ones_like(ids),
    }
    model = build()
    desk = Desk(model)
    as_loaded = model.generate(input_ids=ids, **options)
    mover = Mover(desk, after, mix_of(master=-1.0), ids.shape[1])
    moved = model.generate(input_ids=ids, stopping_criteria=StoppingCriteriaList([mover]), **options)
    same = [torch.equal(one, other) for one, other in zip(as_loaded.logits, moved.logits, strict=True)]
    assert same[:after] == [True] * after
    assert same[after] is False
    # What follows is what the moved mix says after the tokens and the memory of those before.
    said = moved.sequences[:, : ids.shape[1] + after]
    past = build()
    with torch.no_grad():
        cache = past(input_ids=said[:, :-1], use_cache=True).past_key_values
        Desk(past).apply(mix_of(master=-1.0))
        expected = past(input_ids=said[:, -1:], past_key_values=cache).logits[:, -1]
    torch.testing.assert_close(moved.logits[after], expected, rtol=1e-3, atol=1e-3)


def test_faders_can_be_moved_from_many_threads_at_once():
    model = tiny.two()
    desk = Desk(model)
    mixes = [mix_of(master=gain / 4) for gain in range(8)]
    failures: list[BaseException] = []

    def move(seed: int) -> None:
        dice = random.Random(seed)
        try:
            for _ in range(100):
                desk.apply(dice.choice(mixes))
                if dice.random() < 0.05:
                    desk.refresh()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=move, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    gain = desk.mix["pirate"].master
    assert {desk.scaling(target) for target in desk.adapters["pirate"].targets} == {2.0 * gain}


@given(gain=st.floats(-4, 4))
@some
def test_any_gain_is_what_a_model_with_that_alpha_says(gain: float):
    model, desk = _pair()
    desk.apply(mix_of(master=gain))
    reloaded = tiny.pirate()
    for layer in tiny.adapter_layers(reloaded):
        layer.scaling["pirate"] = gain * 8 / 4
    assert torch.equal(tiny.logits(model), tiny.logits(reloaded))
    assert not math.isnan(tiny.logits(model).sum().item())


def _pair(made: list[Any] = []) -> Any:  # noqa: B006 - made once for all examples
    if not made:
        model = tiny.pirate()
        made.append((model, Desk(model)))
    return made[0]
