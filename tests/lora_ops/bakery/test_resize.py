"""Resizing: what is left out of an adapter is what the singular values say, and stock PEFT plays the rest."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.baked import CLOSE, config, keys, moved, stock

from lora_mixer.lora_ops import (
    Desk,
    Faders,
    Keep,
    Mix,
    Recipe,
    Resized,
    Writing,
    bake,
    combine,
    merge,
    read_weights,
    resize,
    resize_weights,
    spectrum,
)
from lora_mixer.lora_ops.energy import energy as energy_of

PLAIN = [
    kind
    for kind in tiny.KINDS
    if kind.name.startswith(("LoRA on", "rank-stab", "LoRA with", "two", "a weighted", "an injected"))
]


@torch.no_grad()
def added(model: Any, names: list[str]) -> dict[str, torch.Tensor]:
    """What these adapters add to each weight right now, by PEFT's own formula, in float64."""
    found: dict[str, torch.Tensor] = {}
    for path, layer in model.named_modules():
        if isinstance(layer, tiny.BaseTunerLayer):
            path = path.removeprefix("base_model.model.") + getattr(layer, "parameter_name", "")
            for name in names:
                if name in layer.scaling:
                    found[path] = found.get(path, 0) + layer.get_delta_weight(name).double()
    return found


def off(wanted: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]) -> float:
    """The Frobenius norm of the difference of all weights, against that of what was wanted."""
    assert wanted.keys() == found.keys()
    left_out = sum(float((wanted[name] - found[name]).square().sum()) for name in wanted)
    return math.sqrt(left_out / sum(float(one.square().sum()) for one in wanted.values()))


def left_out(at: Any, adapter: str, ranks: Mapping[str, int]) -> float:
    """What the singular values say of it."""
    spectra = at.adapters[adapter]
    gone = sum(energy_of(one.joint[ranks[one.target.name] :]) for one in spectra)
    return math.sqrt(gone / sum(one.energy for one in spectra))


@pytest.mark.parametrize("keep", [{"rank": 2}, {"energy": 0.8}, {"energy": 0.8, "uniform": True}], ids=str)
@pytest.mark.parametrize("kind", PLAIN, ids=str)
def test_the_error_is_what_the_left_out_singular_values_say(kind: tiny.Kind, keep: dict[str, Any], tmp_path: Path):
    model = kind.build()
    desk = Desk(model)
    tiny.logits(model)  # the first pass lays the weights of 4 bits out anew
    before = tiny.fingerprint(model)
    mix = moved(desk)
    made = resize(desk, mix, "pirate", tmp_path, "out", **keep)
    assert tiny.fingerprint(model) == before
    found = spectrum(desk).at(mix)
    for one in found.adapters["pirate"]:
        assert made.ranks[one.target.name] == max(1, min(2, len(one.joint)) if "rank" in keep else one.rank(0.8))
    said = left_out(found, "pirate", made.ranks)
    assert made.error == pytest.approx(said, abs=1e-6)
    if made.greatest_difference is not None and kind.name != "an injected adapter":
        fresh = _fresh(kind)
        desk.apply(mix)
        assert off(added(model, ["pirate"]), added(stock(made.folder, fresh), ["default"])) == pytest.approx(
            said, abs=1e-5
        )


def _fresh(kind: tiny.Kind) -> Any:
    model = kind.build()
    return model.unload()


def test_all_of_the_energy_plays_as_the_desk_does(tmp_path: Path):
    model = tiny.pirate(r=8, rank_pattern={"q_proj": 2}, use_rslora=True)
    with torch.no_grad():
        for layer in tiny.adapter_layers(model):
            layer.lora_B["pirate"].weight[:, 3:] = 0
    desk = Desk(model)
    made = resize(desk, moved(desk), "pirate", tmp_path, "out", energy=1)
    assert made.rank == 3 and set(made.ranks.values()) == {1, 2, 3}
    assert made.greatest_difference is not None and made.greatest_difference < CLOSE
    assert made.error < 1e-7
    assert made.parameters < made.parameters_before and made.size < made.size_before
    assert made.size_before == 4 * made.parameters_before


def test_each_target_has_its_own_rank_and_alpha_is_r(tmp_path: Path):
    model = tiny.pirate(r=8)
    desk = Desk(model)
    made = resize(desk, Mix(), "pirate", tmp_path, "own", energy=0.7)
    written = config(made.folder)
    assert written["r"] == written["lora_alpha"] == made.rank == max(made.ranks.values())
    assert written["rank_pattern"] and written["alpha_pattern"] == {} and written["use_rslora"] is False
    for name, rank in made.ranks.items():
        assert keys(made.folder)[f"base_model.model.{name}.lora_A.weight"][0] == rank
    padded = resize(desk, Mix(), "pirate", tmp_path, "one", energy=0.7, uniform=True)
    assert config(padded.folder)["rank_pattern"] == {} and padded.ranks == made.ranks
    assert {shape[0] for key, shape in keys(padded.folder).items() if "lora_A" in key} == {made.rank}
    assert padded.error == made.error and padded.parameters > made.parameters


def test_several_adapters_are_added_up_before_anything_is_left_out(tmp_path: Path):
    model = tiny.two()
    desk = Desk(model)
    mix = Mix({"pirate": Faders(master=0.6), "poet": Faders(master=-1.5, kinds={"v_proj": 0.5})})
    exact = resize(desk, mix, ["pirate", "poet"], tmp_path, "exact", energy=1)
    assert exact.greatest_difference is not None and exact.greatest_difference < CLOSE
    made = resize(desk, mix, ["pirate", "poet"], tmp_path, "out", rank=3)
    desk.apply(mix)
    wanted = added(model, ["pirate", "poet"])
    values = [torch.linalg.svdvals(one) for one in wanted.values()]
    said = math.sqrt(
        sum(float(one[3:].square().sum()) for one in values) / sum(float(one.square().sum()) for one in values)
    )
    assert made.error == pytest.approx(said, abs=1e-5) and set(made.ranks.values()) == {3}
    assert off(wanted, added(stock(made.folder, tiny.llama()), ["default"])) == pytest.approx(said, abs=1e-5)


def test_from_the_folder_alone_the_same_comes_out(tmp_path: Path):
    model = tiny.pirate()
    model.save_pretrained(tmp_path)
    desk = Desk(model)
    mix = moved(desk)
    writing = Writing(sources={"pirate": tmp_path / "pirate"})
    one = resize(desk, mix, "pirate", tmp_path, "live", Keep(energy=0.8), writing)
    other = resize_weights([read_weights(tmp_path / "pirate")], mix, tmp_path, "file", energy=0.8)
    assert other.greatest_difference is None and "no base model" in other.why_unchecked
    assert one.ranks == other.ranks and one.error == pytest.approx(other.error)
    differing = (
        added(stock(one.folder, tiny.llama()), ["default"]),
        added(stock(other.folder, tiny.llama()), ["default"]),
    )
    assert off(*differing) < 1e-6


def test_silence_keeps_one_component_of_zeros(tmp_path: Path):
    model = tiny.pirate()
    made = resize(Desk(model), Mix({"pirate": Faders(on=False)}), "pirate", tmp_path, "out", energy=0.9)
    assert made.rank == 1 and made.silent == 14 and made.kept is None and made.error == 0
    assert torch.equal(tiny.logits(stock(made.folder, tiny.llama())), tiny.base_logits(model))


def test_what_goes_with_an_adapter_goes_with_the_smaller_one(tmp_path: Path):
    model = tiny.pirate(modules_to_save=["lm_head"])
    desk = Desk(model)
    made = resize(desk, moved(desk), "pirate", tmp_path, "out", energy=1)
    assert any("lm_head" in key for key in keys(made.folder))
    assert made.greatest_difference is not None and made.greatest_difference < CLOSE


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_numbers_of_16_bits_are_rounded_once(dtype: torch.dtype, tmp_path: Path):
    model = tiny.pirate().to(dtype)
    wanted = added(model.double(), ["pirate"])
    made = resize(Desk(model.to(dtype)), Mix(), "pirate", tmp_path, "out", energy=1, writing=Writing(check=False))
    found = stock(made.folder, tiny.llama()).double()
    assert off(wanted, added(found, ["default"])) < 2 * torch.finfo(dtype).eps


@pytest.mark.parametrize(
    ("keep", "says"),
    [
        ({}, "say what to keep"),
        ({"rank": 0}, "from 1 to"),
        ({"rank": 2.5}, "from 1 to"),
        ({"rank": True}, "from 1 to"),
        ({"rank": 5}, "no rank 5 to keep: 'pirate' is of rank 4 at most"),
        ({"energy": 0}, "above 0 and up to 1"),
        ({"energy": 1.5}, "above 0 and up to 1"),
        ({"energy": math.nan}, "above 0 and up to 1"),
    ],
    ids=str,
)
def test_what_cannot_be_kept_is_refused(keep: dict[str, Any], says: str, tmp_path: Path):
    with pytest.raises(ValueError, match=says):
        resize(Desk(tiny.pirate()), Mix(), "pirate", tmp_path, "out", **keep)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "says"), [("DoRA on Linear", "is dora"), ("LoHa", "is loha"), ("LoKr", "is lokr")], ids=str
)
def test_other_methods_are_refused_by_name(name: str, says: str, tmp_path: Path):
    kind = next(kind for kind in tiny.KINDS if kind.name == name)
    with pytest.raises(ValueError, match=says):
        resize(Desk(kind.build()), Mix(), "pirate", tmp_path, "out", rank=2)


def test_an_adapter_whose_rank_is_part_of_it_is_refused(tmp_path: Path):
    model = tiny.pirate(init_lora_weights="pissa")
    with pytest.raises(ValueError, match="PiSSA"):
        resize(Desk(model), Mix(), "pirate", tmp_path, "out", rank=2)


def test_no_numbers_are_refused_by_the_name_of_the_target(tmp_path: Path):
    model = tiny.pirate()
    with torch.no_grad():
        model.base_model.model.model.layers[1].self_attn.q_proj.lora_B["pirate"].weight[0, 0] = math.nan
    with pytest.raises(ValueError, match=r"model\.layers\.1\.self_attn\.q_proj: .*NaN"):
        resize(Desk(model), Mix(), "pirate", tmp_path, "out", rank=2)
    assert list(tmp_path.iterdir()) == []


def test_what_was_resized_is_plain_data_and_has_a_card(tmp_path: Path):
    made = resize(Desk(tiny.pirate()), Mix(), "pirate", tmp_path, "out", rank=2)
    assert isinstance(made, Resized)
    data = json.loads(json.dumps(made.to_dict()))
    assert data["error"] == made.error and data["way"] == "resized" and data["ranks"] == made.ranks
    card = (made.folder / "README.md").read_text()
    assert "strongest components" in card and "kept" in card


@pytest.mark.parametrize("faders", [{"rank": 2}, {"energy": 0.8}, {"energy": 0.9, "rank": 3}], ids=str)
def test_what_is_heard_is_what_is_kept_if_nothing_else_is_said(faders: dict[str, Any], tmp_path: Path):
    model = tiny.pirate()
    desk = Desk(model)
    mix = Mix({"pirate": Faders(master=0.7, **faders)})
    desk.apply(mix)
    made = resize(desk, mix, "pirate", tmp_path, "out")
    assert made.greatest_difference is not None and made.greatest_difference < CLOSE and made.exact
    heard = tiny.logits(model)
    assert (tiny.logits(stock(made.folder, tiny.llama())) - heard).abs().max() < CLOSE
    assert desk.mix == mix and torch.equal(tiny.logits(model), heard)
    with pytest.raises(ValueError, match="only a part of 'pirate' is heard in the mix"):
        resize(desk, mix, "pirate", tmp_path, "other", rank=1)


def test_one_adapter_is_compared_with_the_same_components_and_several_with_the_whole(tmp_path: Path):
    desk = Desk(tiny.two())
    one = resize(desk, moved(desk), "pirate", tmp_path, "one", rank=1)
    assert one.greatest_difference is not None and one.greatest_difference < CLOSE and one.exact
    both = resize(desk, Mix(), ["pirate", "poet"], tmp_path, "both", rank=1)
    assert both.greatest_difference is not None and both.greatest_difference > 0.1 and not both.exact
    with pytest.raises(ValueError, match="resize it by itself"):
        resize(desk, Mix({"poet": Faders(rank=1)}), ["pirate", "poet"], tmp_path, "part", rank=1)


def test_a_bake_of_a_part_is_refused_and_a_merge_holds_that_part(tmp_path: Path):
    desk = Desk(tiny.pirate())
    mix = Mix({"pirate": Faders(rank=2)})
    with pytest.raises(ValueError, match=r"only a part of 'pirate' is heard \(rank 2\): resize it"):
        bake(desk, mix, "pirate", tmp_path, "out")
    with pytest.raises(ValueError, match="only a part"):
        combine(desk, mix, ["pirate"], tmp_path, "out", Recipe("cat"))
    assert list(tmp_path.iterdir()) == []
    merged = merge(desk, mix, tmp_path, "model", tiny.tokenizer(), names=["pirate"])
    assert merged.relative_difference is not None and merged.relative_difference < 1e-5
