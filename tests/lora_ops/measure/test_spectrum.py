"""The spectrum of an adapter: the singular values of what PEFT adds, for every kind of adapter, live and on disk."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import tiny
from helpers.tiny import KINDS, Kind, mix_of, pirate
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Desk, Faders, Mix, Spectrum, Target, read_weights, spectrum, spectrum_weights
from lora_mixer.lora_ops.energy import energy


@torch.no_grad()
def by_numpy(desk: Desk, target: Target) -> list[float]:
    """The singular values of what PEFT itself adds, formed; of experts together."""
    layer: Any = desk.engine.knob(target).layer
    matrices = layer.get_delta_weight(target.adapter).detach().double().numpy()
    if not hasattr(layer, "parameter_name"):
        matrices = matrices.reshape(1, len(matrices), -1)
    values = np.linalg.svd(matrices, compute_uv=False)
    return sorted(values.flatten().tolist(), reverse=True)


def same_values(values: Any, wanted: list[float]) -> None:
    """As far as float32, in which PEFT forms the product, can tell; beyond the rank there is nothing but rounding."""
    assert list(values) == sorted(values, reverse=True) and min(values) >= 0
    assert list(values) == pytest.approx(wanted[: len(values)], rel=1e-4, abs=2e-6 * wanted[0])
    assert max(wanted[len(values) :], default=0.0) < 2e-6 * wanted[0]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_values_are_those_of_the_product_that_peft_forms(kind: Kind):
    desk = Desk(kind.build())
    found = spectrum(desk)
    for name, adapter in desk.adapters.items():
        assert [one.target for one in found.adapters[name]] == list(adapter.targets)
        for one in found.adapters[name]:
            if adapter.method == "dora":
                assert "DoRA" in one.reason and one.target.name not in found.targets[name]
                assert found.reasons[name][one.target.name] == one.reason
            else:
                same_values(found.targets[name][one.target.name], by_numpy(desk, one.target))
                assert one.energy == pytest.approx(sum(value**2 for value in one.values))


#: A transformers model that adapters were injected into saves them its own way, a mixed model not at all.
SAVED = [kind for kind in KINDS if kind.name not in ("an injected adapter", "LoRA and LoHa in the same layers")]


@pytest.mark.parametrize("kind", SAVED, ids=str)
def test_the_folder_alone_tells_the_same(kind: Kind, tmp_path: Path):
    model = kind.build()
    desk = Desk(model)
    live = spectrum(desk)
    model.save_pretrained(tmp_path)
    for name in desk.adapters:
        found = spectrum_weights([read_weights(tmp_path / name)])
        assert found.reasons[name].keys() == live.reasons[name].keys()
        for target, values in live.targets[name].items():
            assert found.targets[name][target] == pytest.approx(values, rel=1e-6)


def planted(rank: int, noise: float, *, r: int = 16) -> Any:
    """An adapter at rank 16 whose every target adds so many components, and noise of this size beside each of them."""
    model = pirate(r=r, lora_alpha=2 * r)
    torch.manual_seed(3)
    with torch.no_grad():
        for layer in tiny.adapter_layers(model):
            a, b = layer.lora_A["pirate"].weight, layer.lora_B["pirate"].weight
            left = torch.linalg.qr(torch.randn(len(b), r)).Q
            right = torch.linalg.qr(torch.randn(a.shape[1], r)).Q
            sizes = torch.tensor([3.0 + at for at in range(rank)] + [noise] * (r - rank))
            turned = torch.linalg.qr(torch.randn(r, r)).Q  # so that neither A nor B shows where the components are
            b.copy_((left * sizes) @ turned / 2)  # the scaling is 2
            a.copy_(turned.T @ right.T)
    return model


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_planted_rank_is_found_under_a_larger_one_and_noise(noise: float):
    found = spectrum(Desk(planted(3, noise)))
    assert set(found.needed("pirate", 0.99).values()) == {3}
    for values in found.targets["pirate"].values():
        assert len(values) == 16
        assert values[:3] == pytest.approx([5, 4, 3], rel=1e-5)
        assert values[3:] == pytest.approx([noise] * 13, abs=1e-5)


def test_what_rounding_leaves_of_nothing_counts_for_nothing():
    model = pirate(r=16)
    with torch.no_grad():
        for layer in tiny.adapter_layers(model):
            layer.lora_B["pirate"].weight[:, 3:] = 0
    assert set(spectrum(Desk(model)).needed("pirate", 1.0).values()) == {3}


def test_more_rank_than_a_matrix_has_room_for():
    model = pirate(r=64)
    for name, values in spectrum(Desk(model)).targets["pirate"].items():
        same_values(values, by_numpy(Desk(model), target_of(model, name)))
        assert len(values) <= 48


def target_of(model: Any, name: str) -> Target:
    return next(target for target in Desk(model).adapters["pirate"].targets if target.name == name)


@tiny.some
@given(st.floats(min_value=-8, max_value=8), st.booleans())
def test_gains_scale_the_values_and_leave_shares_as_they_are(gain: float, on: bool):
    at = _MEASURED.at(Mix({"pirate": Faders(on=on, master=gain)}))
    heard = abs(gain) if on else 0.0
    for name, values in _MEASURED.targets["pirate"].items():
        assert at.targets["pirate"][name] == pytest.approx([heard * value for value in values])
    silent = dict.fromkeys(_MEASURED.targets["pirate"], 0)
    if heard == 0 or heard > 1e-6:
        assert at.needed("pirate") == (_MEASURED.needed("pirate") if heard else silent)
    assert at.targets["poet"] == _MEASURED.targets["poet"]


_MEASURED = spectrum(Desk(tiny.two()))


def test_the_faders_that_stand_on_the_desk_do_not_matter():
    desk = Desk(pirate())
    wanted = spectrum(desk)
    desk.apply(mix_of(master=0.25, kinds={"q_proj": 0.0}))
    assert spectrum(desk) == wanted


def test_nothing_is_changed():
    desk = Desk(pirate(tiny.quantised(8)))
    desk.apply(mix_of(master=0.5))
    before, scalings = tiny.fingerprint(desk.engine.model), tiny.scalings(desk.engine.model)
    spectrum(desk)
    assert tiny.fingerprint(desk.engine.model) == before
    assert tiny.same_objects(tiny.scalings(desk.engine.model), scalings)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_any_type_counts_as_the_numbers_that_it_holds(dtype: torch.dtype):
    model = pirate()
    for layer in tiny.adapter_layers(model):
        layer.lora_A.to(dtype), layer.lora_B.to(dtype)
    found = spectrum(Desk(model)).targets["pirate"]
    for layer in tiny.adapter_layers(model):
        layer.lora_A.double(), layer.lora_B.double()
    for name, values in spectrum(Desk(model)).targets["pirate"].items():
        assert found[name] == pytest.approx(values, rel=1e-12)


def test_one_target_with_no_numbers_has_a_reason_and_the_others_their_values():
    model = pirate()
    with torch.no_grad():
        model.base_model.model.model.layers[1].self_attn.q_proj.lora_B["pirate"].weight[0, 0] = math.nan
        model.base_model.model.model.layers[0].self_attn.q_proj.lora_A["pirate"].weight[0, 0] = math.inf
    desk = Desk(model)
    found = spectrum(desk)
    names = [f"model.layers.{layer}.self_attn.q_proj" for layer in (0, 1)]
    assert set(found.reasons["pirate"]) == set(names)
    assert all("NaN" in reason for reason in found.reasons["pirate"].values())
    assert len(found.targets["pirate"]) == 12
    same_values(
        found.targets["pirate"]["model.layers.1.self_attn.k_proj"],
        by_numpy(desk, target_of(model, "model.layers.1.self_attn.k_proj")),
    )
    assert "not known of 2 of 14 targets" in found.told("pirate")


def test_an_adapter_that_was_not_trained_adds_nothing_and_says_so():
    model = pirate(init_lora_weights=True)
    found = spectrum(Desk(model))
    assert set(found.needed("pirate").values()) == {0} == set(found.needed("pirate", 1.0).values())
    assert "adds nothing" in found.told("pirate") and "B is zero" in found.told("pirate")
    assert set(found.curve("pirate")) == {0.0}
    one = found.adapters["pirate"][0]
    assert (one.effective_rank, one.stable_rank, one.rank()) == (0, 0, 0)


def test_what_cannot_be_scaled_has_its_own_reason():
    model = pirate(modules_to_save=["lm_head"])
    found = spectrum(Desk(model))
    assert "full copy" in found.reasons["pirate"]["lm_head"]
    assert len(found.targets["pirate"]) == 14


@pytest.mark.parametrize("share", [0, -0.1, 1.01, math.nan, True, "0.9"])
def test_a_share_that_is_none_is_refused(share: Any):
    for ask in (_MEASURED.needed, _MEASURED.told):
        with pytest.raises(ValueError, match="above 0 and up to 1"):
            ask("pirate", share)
    with pytest.raises(ValueError, match="above 0 and up to 1"):
        _MEASURED.adapters["pirate"][0].rank(share)


def test_an_adapter_that_is_not_there_is_refused_by_name():
    for ask in (_MEASURED.needed, _MEASURED.curve, _MEASURED.told):
        with pytest.raises(ValueError, match="pirate"):
            ask("pirat")


def test_it_is_told_in_one_line_and_as_plain_data():
    found = spectrum(Desk(planted(3, 0.01)))
    assert found.told("pirate") == "trained at rank 16; 95 % of what it adds lies in 3.0 components a target"
    assert "94 %" in found.told("pirate", 0.94)
    apart = spectrum(Desk(pirate(rank_pattern={"q_proj": 2}))).told("pirate", 1)
    assert apart == "trained at rank 2 to 4; 100 % of what it adds lies in 3.7 components a target, 2 to 4"
    data = json.loads(json.dumps(_MEASURED.to_dict()))
    name, values = next(iter(_MEASURED.targets["poet"].items()))
    assert data["poet"][name]["values"] == list(values)


def test_the_curve_is_the_energy_of_what_is_kept_at_each_rank():
    curve = _MEASURED.curve("pirate")
    spectra = list(_MEASURED.targets["pirate"].values())
    whole = sum(energy(values) for values in spectra)
    assert curve == pytest.approx([sum(energy(values[:rank]) for values in spectra) / whole for rank in range(5)])
    silent = _MEASURED.at(mix_of(kinds=dict.fromkeys(("q_proj", "k_proj", "v_proj", "o_proj"), 0.0)))
    only = [values for name, values in _MEASURED.targets["pirate"].items() if "mlp" in name]
    assert silent.curve("pirate")[1] == pytest.approx(sum(values[0] ** 2 for values in only) / sum(map(energy, only)))


def test_experts_share_one_rank_and_are_counted_one_by_one():
    desk = Desk(pirate(tiny.gpt_oss(), target_parameters=["experts.gate_up_proj"], target_modules=["q_proj"]))
    for one in spectrum(desk).adapters["pirate"]:
        if "experts" not in one.target.name:
            continue
        assert len(one.experts) == desk.engine.knob(one.target).layer.num_experts
        assert len(one.values) == 4 * len(one.experts)
        rank = one.rank(0.9)
        kept = [energy(values[:rank]) for values in one.experts]
        fewer = [energy(values[: rank - 1]) for values in one.experts]
        assert sum(fewer) < 0.9 * one.energy <= sum(kept)
        assert one.needed(0.9) <= rank * len(one.experts)


def test_the_same_name_twice_is_refused(tmp_path: Path):
    pirate().save_pretrained(tmp_path)
    weights = read_weights(tmp_path / "pirate")
    with pytest.raises(ValueError, match="two of the adapters"):
        spectrum_weights([weights, weights])
    assert isinstance(spectrum_weights([weights]), Spectrum)
