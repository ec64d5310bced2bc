"""Several adapters in one: exactly, or as PEFT combines them, each target at its own gain."""

from __future__ import annotations

import json
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from hypothesis import given
from hypothesis import strategies as st
from peft import PeftModel
from safetensors import safe_open

from lora_mixer.lora_ops import Cancelled, Desk, Faders, Mix
from lora_mixer.lora_ops.bakery.combine import combine, combine_weights, combined, concatenate
from lora_mixer.lora_ops.bakery.ways import COMBINATIONS, NEED_DENSITY, Recipe
from lora_mixer.lora_ops.bakery.writing import Writing
from lora_mixer.lora_ops.shelf.adapter_weights import read_weights
from lora_mixer.lora_ops.shelf.live_weights import loaded_weights

CLOSE = 2e-5
BOTH = ["pirate", "poet"]


def mixed(desk: Desk) -> Mix:
    """Both adapters moved, one target by target; the other's sign turned on one layer."""
    pirate = Faders(master=0.8, kinds={"q_proj": 1.5}, modules={desk.adapters["pirate"].scalable[-1].name: 0.0})
    return Mix({"pirate": pirate, "poet": Faders(master=0.4, layers={1: -1.5})})


def same_rank() -> Any:
    """Two adapters of one rank on the same targets, with patterns nowhere: what every combination takes."""
    model = tiny.pirate(target_modules=["q_proj", "v_proj", "up_proj"])
    return tiny.add(model, tiny.lora(lora_alpha=3, target_modules=["q_proj", "v_proj", "up_proj"]), "poet")


@pytest.mark.parametrize("uniform", [True, False])
def test_a_concatenation_is_exact_with_differing_ranks_and_targets(uniform: bool, tmp_path: Path):
    model = tiny.two()
    desk = Desk(model)
    loaded, before = tiny.logits(model), tiny.fingerprint(model)
    mix = mixed(desk)
    result = combine(desk, mix, BOTH, tmp_path, "both", Recipe(uniform=uniform))
    assert result.rank == 6 and result.way == "concatenated" and result.targets == 14
    assert result.greatest_difference is not None and result.greatest_difference < CLOSE
    assert tiny.fingerprint(model) == before and torch.equal(tiny.logits(model), loaded)
    desk.apply(mix)
    stock = PeftModel.from_pretrained(tiny.llama(), str(result.folder)).eval()
    assert (tiny.logits(stock) - tiny.logits(model)).abs().max() < CLOSE
    written = json.loads((result.folder / "adapter_config.json").read_text())
    assert (written["r"], written["lora_alpha"], written["alpha_pattern"]) == (6, 6, {})
    assert (written["rank_pattern"] == {}) == uniform == (result.objections["vLLM"] == [])


@pytest.mark.parametrize(
    "kind",
    [
        tiny.Kind("embeddings", lambda: _twice(["embed_tokens", "q_proj"]), True, 6),
        tiny.Kind(
            "biases", lambda: _twice("all-linear", {"lora_bias": True}, attention_bias=True, mlp_bias=True), True, 28
        ),
        tiny.Kind("4 bits", lambda: tiny.add(tiny.pirate(tiny.quantised(4)), tiny.lora(r=2), "poet"), True, 28),
        tiny.Kind("injected", lambda: _injected(), True, 28),
    ],
    ids=str,
)
def test_other_layers_concatenate_too(kind: tiny.Kind, tmp_path: Path):
    model = kind.build()
    desk = Desk(model)
    result = concatenate(desk, Mix({"pirate": Faders(master=0.5), "poet": Faders(master=-0.7)}), BOTH, tmp_path, "both")
    assert result.greatest_difference is not None and result.greatest_difference < (
        0.01 if kind.name == "4 bits" else 5e-5
    )


def test_experts_concatenate(tmp_path: Path):
    experts = ["experts.gate_up_proj", "experts.down_proj"]
    one, other = (
        tiny.add(tiny.llama4(), tiny.lora(r=rank, target_modules=[], target_parameters=experts), name)
        for rank, name in ((4, "pirate"), (2, "poet"))
    )
    mixes = Mix({"pirate": Faders(master=0.5), "poet": Faders(master=2.0)})
    parts = [loaded_weights(Desk(model), name) for model, name in ((one, "pirate"), (other, "poet"))]
    draft = combined(parts, mixes, Recipe())
    total: dict[str, Any] = {}
    for model, name in ((one, "pirate"), (other, "poet")):
        desk = Desk(model)
        desk.apply(Mix({name: mixes[name]}))
        for target in desk.adapters[name].scalable:
            total[target.name] = total.get(target.name, 0) + desk.engine.knob(target).layer.get_delta_weight(name)
    folded = tiny.add(tiny.llama4(), tiny.lora(r=6, lora_alpha=6, target_modules=[], target_parameters=experts), "both")
    from peft.utils import set_peft_model_state_dict

    set_peft_model_state_dict(folded, dict(draft.tensors), adapter_name="both")
    desk = Desk(folded)
    for target in desk.adapters["both"].scalable:
        torch.testing.assert_close(
            desk.engine.knob(target).layer.get_delta_weight("both"), total[target.name], rtol=1e-4, atol=1e-5
        )


def _twice(modules: Any, extra: dict[str, Any] | None = None, **changes: Any) -> Any:
    model = tiny.pirate(tiny.llama(**changes), target_modules=modules, **(extra or {}))
    return tiny.add(model, tiny.lora(r=2, target_modules=modules, **(extra or {})), "poet")


def _injected() -> Any:
    model = tiny.injected()
    torch.manual_seed(3)
    model.add_adapter(tiny.lora(r=2), adapter_name="poet")
    model.set_adapter(["pirate", "poet"])
    return model.eval()


@pytest.mark.parametrize("combination", [one for one in COMBINATIONS if one != "cat"])
def test_combinations_are_those_of_peft(combination: Any, tmp_path: Path):
    """PEFT on a whole model with the gain in `scaling`, against ours target by target; DARE with nothing dropped."""
    density = 1.0 if "dare" in combination else 0.6
    recipe = Recipe(combination, density=density if combination in NEED_DENSITY else None)
    model = same_rank()
    desk = Desk(model)
    mix = Mix({"pirate": Faders(master=0.8, kinds={"q_proj": 1.5}), "poet": Faders(master=0.4, layers={1: 0.3})})
    draft = combined([loaded_weights(desk, name) for name in BOTH], mix, recipe)
    assert (draft.kept is not None) == (combination == "svd")
    desk.apply(mix)
    if combination.endswith("svd"):  # PEFT 0.18 would multiply by the scaling twice
        for layer in tiny.adapter_layers(model):
            for name in BOTH:
                layer.lora_B[name].weight.data *= layer.scaling[name]
                layer.scaling[name] = 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.add_weighted_adapter(BOTH, [1.0, 1.0], "sum", combination, svd_rank=4, density=recipe.density)
    theirs = loaded_weights(Desk(model), "sum")
    for target in theirs.targets:
        a, b = (theirs.tensors[key] for key in theirs.pair(target))
        own_a, own_b = (draft.tensors[key] for key in theirs.pair(target))
        torch.testing.assert_close(own_b @ own_a, b @ a, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("combination", ["svd", "ties_svd", "dare_linear_svd", "dare_ties", "magnitude_prune"])
def test_combinations_are_written_and_compared(combination: Any, tmp_path: Path):
    model = same_rank()
    desk = Desk(model)
    before, loaded = tiny.fingerprint(model), tiny.logits(model)
    steps: list[tuple[int, int]] = []
    recipe = Recipe(combination, density=0.5 if combination in NEED_DENSITY else None)
    writing = Writing(progress=lambda done, of: steps.append((done, of)))
    result = combine(desk, Mix(), BOTH, tmp_path, "out", recipe, writing)
    assert result.way == combination and result.rank == 4 and steps == [(one, 6) for one in range(1, 7)]
    assert result.greatest_difference is not None and result.greatest_difference > 0
    assert tiny.fingerprint(model) == before and torch.equal(tiny.logits(model), loaded)


def test_svd_at_the_full_rank_is_exact_and_below_it_tells_what_is_kept(tmp_path: Path):
    desk = Desk(tiny.two())
    mix = mixed(desk)
    whole = combine(desk, mix, BOTH, tmp_path, "whole", Recipe("svd", rank=6))
    less = combine(desk, mix, BOTH, tmp_path, "less", Recipe("svd", rank=2))
    assert whole.kept == pytest.approx(1) and whole.greatest_difference is not None
    assert whole.greatest_difference < 1e-4
    assert less.rank == 2 and less.kept is not None and 0.3 < less.kept < 0.999
    assert less.greatest_difference is not None and less.greatest_difference > whole.greatest_difference
    huge = combine(desk, mix, BOTH, tmp_path, "huge", Recipe("svd", rank=64))
    assert huge.rank == 6 and huge.greatest_difference is not None and huge.greatest_difference < 1e-4


def test_dare_drops_the_same_again_with_the_same_seed():
    desk = Desk(same_rank())
    parts = [loaded_weights(desk, name) for name in BOTH]
    state = torch.get_rng_state()
    drafts = [combined(parts, Mix(), Recipe("dare_linear", density=0.5, seed=seed)) for seed in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), state)
    key = next(iter(drafts[0].tensors))
    assert torch.equal(drafts[0].tensors[key], drafts[1].tensors[key])
    assert not torch.equal(drafts[0].tensors[key], drafts[2].tensors[key])


def test_a_negative_gain_turns_an_adapter_round():
    desk = Desk(same_rank())
    parts = [loaded_weights(desk, name) for name in BOTH]
    alone = [parts[0]]
    plus = combined(alone, Mix(), Recipe("linear"))
    minus = combined(alone, Mix({"pirate": Faders(master=-1.0)}), Recipe("linear"))
    for target in parts[0].targets:
        a, b = parts[0].pair(target)
        torch.testing.assert_close(minus.tensors[b] @ minus.tensors[a], -(plus.tensors[b] @ plus.tensors[a]))


def test_from_folders_alone(tmp_path: Path):
    model = tiny.two()
    model.save_pretrained(tmp_path)
    desk = Desk(model)
    mix = mixed(desk)
    sources = {name: tmp_path / name for name in BOTH}
    live = concatenate(desk, mix, BOTH, tmp_path, "live", Writing(sources=sources))
    file = combine_weights([read_weights(tmp_path / name) for name in BOTH], mix, tmp_path, "file", Recipe())
    assert file.greatest_difference is None
    with (
        safe_open(str(live.folder / "adapter_model.safetensors"), "pt") as one,
        safe_open(str(file.folder / "adapter_model.safetensors"), "pt") as other,
    ):
        assert set(one.keys()) == set(other.keys())
        assert all(torch.equal(one.get_tensor(key), other.get_tensor(key)) for key in one.keys())  # noqa: SIM118
    card = (live.folder / "README.md").read_text()
    assert "source poet" in card and "| pirate | kind q\\_proj | 1.5 |" in card


def test_full_modules_of_one_are_kept_and_of_two_refused(tmp_path: Path):
    model = tiny.pirate(target_modules=["q_proj"], modules_to_save=["lm_head"])
    model = tiny.add(model, tiny.lora(r=2, target_modules=["v_proj"]), "poet")
    result = concatenate(Desk(model), Mix(), BOTH, tmp_path, "one", writing=Writing(check=False))
    assert json.loads((result.folder / "adapter_config.json").read_text())["modules_to_save"] == ["lm_head"]
    with safe_open(str(result.folder / "adapter_model.safetensors"), "pt") as file:
        assert "base_model.model.lm_head.weight" in file.keys()  # noqa: SIM118
    again = tiny.pirate(target_modules=["q_proj"], modules_to_save=["lm_head"])
    again.add_adapter("poet", tiny.lora(target_modules=["q_proj"], modules_to_save=["lm_head"]))
    with pytest.raises(ValueError, match="only one can be kept"):
        concatenate(Desk(again), Mix(), BOTH, tmp_path, "two")


def test_what_cannot_be_combined_says_why(tmp_path: Path):
    desk = Desk(tiny.two())
    with pytest.raises(ValueError, match="needs one rank"):
        combine(desk, Mix(), BOTH, tmp_path, "out", Recipe("linear"))
    with pytest.raises(ValueError, match="density"):
        Recipe("ties")
    with pytest.raises(ValueError, match="no combination"):
        Recipe("soup")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="rank"):
        Recipe("svd", rank=0)
    with pytest.raises(ValueError, match="no adapter 'parrot'"):
        concatenate(desk, Mix(), ["pirate", "parrot"], tmp_path, "out")
    with pytest.raises(ValueError, match="at least one"):
        concatenate(desk, Mix(), [], tmp_path, "out")
    with pytest.raises(ValueError, match="two of the adapters"):
        concatenate(desk, Mix(), ["pirate", "pirate"], tmp_path, "out")
    with pytest.raises(ValueError, match="is dora"):
        concatenate(Desk(tiny.pirate(use_dora=True)), Mix(), ["pirate"], tmp_path, "out")
    other = loaded_weights(Desk(tiny.add(tiny.llama(hidden_size=64), tiny.lora(), "giant")), "giant")
    with pytest.raises(ValueError, match="different models"):
        combined([loaded_weights(desk, "pirate"), other], Mix(), Recipe())
    assert list(tmp_path.iterdir()) == []


def test_it_can_be_called_off(tmp_path: Path):
    stop = threading.Event()
    desk = Desk(tiny.two())
    writing = Writing(progress=lambda *_: stop.set(), cancelled=stop.is_set)
    with pytest.raises(Cancelled):
        concatenate(desk, Mix(), BOTH, tmp_path, "out", writing)
    assert list(tmp_path.iterdir()) == []


@tiny.some
@given(st.data())
def test_any_mix_concatenates_to_the_sum_that_the_desk_plays(data: st.DataObject):
    desk = Desk(tiny.two())
    mix = data.draw(tiny.mixes(desk.adapters.values()))
    uniform = data.draw(st.booleans())
    parts = [loaded_weights(desk, name) for name in BOTH]
    draft = combined(parts, mix, Recipe(uniform=uniform))
    desk.apply(mix)
    for target in desk.adapters["pirate"].scalable:
        layer = desk.engine.knob(target).layer
        live = sum(layer.get_delta_weight(name) for name in BOTH if name in layer.lora_A)
        a, b = (draft.tensors[key] for key in parts[0].pair(target))
        torch.testing.assert_close(b @ a * (draft.rank / a.shape[0]), live, rtol=1e-4, atol=1e-4)
