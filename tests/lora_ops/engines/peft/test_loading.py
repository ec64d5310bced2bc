"""Adapters into a live model and out of it: each beside the other, and nothing left behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.saved import saved
from peft import LoHaConfig, PeftModel
from safetensors.torch import load_file, save_file

from lora_mixer.lora_ops import Desk
from lora_mixer.lora_ops.engines.peft.loading import LoadingError, change_adapters, loaded_adapters
from lora_mixer.lora_ops.shelf.adapter_files import CONFIG, WEIGHTS, AdapterFileError


@pytest.fixture
def shelf(tmp_path: Path) -> dict[str, Path]:
    return {
        "pirate": saved(tmp_path),
        "poet": saved(tmp_path, tiny.lora(r=2, lora_alpha=2, target_modules=["q_proj", "v_proj"]), name="poet"),
        "wide": saved(tmp_path, tiny.lora(r=16, lora_alpha=8), name="wide"),
    }


def only(shelf: dict[str, Path], *names: str) -> dict[str, Path]:
    return {name: shelf[name] for name in names}


def fresh(shelf: dict[str, Path], *names: str) -> torch.Tensor:
    """What PEFT by itself makes of these adapters, all playing."""
    model = PeftModel.from_pretrained(tiny.llama(), str(shelf[names[0]]), adapter_name=names[0])
    for name in names[1:]:
        model.load_adapter(str(shelf[name]), name)
    model.base_model.set_adapter(list(names))
    return tiny.logits(model)


# -- coming and going


def test_adapters_of_any_rank_play_side_by_side(shelf: dict[str, Path]) -> None:
    base = tiny.llama()
    plain = tiny.logits(base)
    model = change_adapters(base, only(shelf, "pirate"))
    assert torch.equal(tiny.logits(model), fresh(shelf, "pirate"))
    assert change_adapters(model, only(shelf, "poet", "wide"), keep=["pirate"]) is model
    assert torch.equal(tiny.logits(model), fresh(shelf, "pirate", "poet", "wide"))
    assert loaded_adapters(model) == shelf
    assert not any(parameter.requires_grad for name, parameter in model.named_parameters() if ".lora_" in name)
    assert change_adapters(model, {}, keep=["wide"]) is model
    assert torch.equal(tiny.logits(model), fresh(shelf, "wide"))
    switched = change_adapters(model, only(shelf, "poet"))
    assert torch.equal(tiny.logits(switched), fresh(shelf, "poet"))
    assert change_adapters(switched, {}) is base
    assert torch.equal(tiny.logits(base), plain)


def test_the_base_model_is_left_without_a_trace(shelf: dict[str, Path]) -> None:
    base = tiny.llama()
    before = tiny.fingerprint(base)
    change_adapters(change_adapters(base, shelf), {})
    after = tiny.fingerprint(base)
    assert {**after, "gradients": []} == {**before, "gradients": []}
    assert "peft_config" not in vars(base)


def test_a_layer_that_no_adapter_is_left_in_is_bare_again(shelf: dict[str, Path]) -> None:
    base = tiny.llama()
    down_proj = base.model.layers[0].mlp.down_proj
    model = change_adapters(base, only(shelf, "pirate", "poet"))
    assert base.model.layers[0].mlp.down_proj is not down_proj
    change_adapters(model, {}, keep=["poet"])
    assert base.model.layers[0].mlp.down_proj is down_proj


#: All that are saved as one folder which PEFT can load into the bare base model.
_OTHERS = ("two adapters", "weighted", "injected", "same layers")
KINDS = [kind for kind in tiny.KINDS if not any(other in kind.name for other in _OTHERS)]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_comes_and_goes(kind: tiny.Kind, tmp_path: Path) -> None:
    """Whatever is saved is loaded into its base again, says the same, and leaves the base as it was."""
    saving = kind.build()
    said = tiny.logits(saving)
    saving.save_pretrained(tmp_path)
    base = change_adapters(kind.build(), {})
    plain = tiny.logits(base)
    again = change_adapters(base, {"pirate": tmp_path / "pirate"})
    assert torch.allclose(tiny.logits(again), said, atol=1e-5)
    desk = Desk(again)
    assert len(desk.adapters["pirate"].targets) == kind.targets
    assert torch.equal(tiny.logits(change_adapters(again, {})), plain)


def test_another_method_takes_the_place_of_one(shelf: dict[str, Path], tmp_path: Path) -> None:
    loha = saved(tmp_path, LoHaConfig(r=4, alpha=8, target_modules=["q_proj"], init_weights=False), name="loha")
    model = change_adapters(tiny.llama(), only(shelf, "pirate"))
    with pytest.raises(LoadingError, match="pirate is LORA and loha is LOHA"):
        change_adapters(model, {"loha": loha}, keep=["pirate"])
    assert torch.equal(tiny.logits(model), fresh(shelf, "pirate"))
    assert Desk(change_adapters(model, {"loha": loha})).adapters["loha"].method == "loha"


def test_in_sixteen_bits_the_adapter_is_kept_as_the_layer_is_if_asked(shelf: dict[str, Path]) -> None:
    for upcast, dtype in ((True, torch.float32), (False, torch.bfloat16)):
        model = change_adapters(tiny.llama().to(torch.bfloat16), shelf, upcast=upcast)
        assert {p.dtype for name, p in model.named_parameters() if ".lora_" in name} == {dtype}


# -- a model that somebody else has had in hand


def test_a_blend_goes_and_its_sources_stay() -> None:
    model = tiny.blended()
    assert list(loaded_adapters(model)) == ["pirate", "poet", "__merged"]
    change_adapters(model, {}, keep=["pirate", "poet"])
    assert list(loaded_adapters(model)) == ["pirate", "poet"]
    assert sorted(Desk(model).engine.playing.names()) == ["pirate", "poet"]


def test_names_that_were_left_behind_keep_nothing_out(shelf: dict[str, Path]) -> None:
    """A host that unloads by PEFT's own function leaves `peft_config` on the base model, in some versions of PEFT."""
    model: Any = tiny.pirate()
    base: Any = model.unload()
    base.peft_config = {"pirate": tiny.lora(), "poet": tiny.lora()}
    assert loaded_adapters(base) == {}
    model = change_adapters(base, only(shelf, "pirate"))
    assert torch.equal(tiny.logits(model), fresh(shelf, "pirate"))
    model.peft_config["poet"] = model.peft_config["pirate"]
    change_adapters(model, only(shelf, "poet"), keep=["pirate"])
    assert torch.equal(tiny.logits(model), fresh(shelf, "pirate", "poet"))
    assert "peft_config" not in vars(base)  # so that whoever unloads next leaves nothing behind


def test_what_cannot_be_taken_apart_is_told(shelf: dict[str, Path]) -> None:
    merged = tiny.pirate()
    merged.merge_adapter()
    for model, says in (
        (merged, "merged into the base"),
        (tiny.injected(), "another way"),
        (tiny.mixed(), "another way"),
    ):
        with pytest.raises(LoadingError, match=says):
            change_adapters(model, {})


# -- failure leaves everything as it was


def broken(folder: Path, how: str) -> None:
    """Damage that is met at different times."""
    config = json.loads((folder / CONFIG).read_text())
    weights = load_file(folder / WEIGHTS)
    if how == "file":
        (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-8])
    elif how == "shape":
        weights = {name: torch.cat([w, w], 1) if "lora_A" in name else w for name, w in weights.items()}
    elif how == "target":
        config["target_modules"] = ["nowhere"]
    elif how == "missing":
        weights = {name: w for name, w in weights.items() if "layers.1.mlp.down_proj" not in name}
    elif how == "unexpected":
        config["target_modules"] = ["q_proj"]
    elif how == "other":
        weights["base_model.model.lm_head.weight"] = torch.zeros(tiny.VOCABULARY, 32)
    elif how == "numbers":
        weights["base_model.model.model.layers.1.mlp.down_proj.lora_A.weight"][0, 0] = float("nan")
    elif how == "pissa":
        config["init_lora_weights"] = "pissa"
    if how != "file":
        (folder / CONFIG).write_text(json.dumps(config))
        save_file({name: weight.contiguous() for name, weight in weights.items()}, folder / WEIGHTS)


DAMAGE = [
    ("file", "cut off"),
    ("shape", "goes from 96 to 32 in the adapter, and from 48 to 32"),
    ("target", "nowhere|which target_modules in its"),
    ("missing", "lacks weights for"),
    ("unexpected", "which target_modules in its adapter_config.json does not name"),
    ("other", "differs from this model's"),
    ("pissa", "pissa"),
    ("numbers", "layers.1.mlp.down_proj.lora_A.weight holds numbers that are none"),
]


@pytest.mark.parametrize(("how", "says"), DAMAGE)
@pytest.mark.parametrize("keep", [None, [], ["pirate"]], ids=["on the base", "instead", "beside"])
def test_an_adapter_that_fails_leaves_the_model_as_it_was(
    shelf: dict[str, Path], how: str, says: str, keep: list[str] | None
) -> None:
    broken(shelf["wide"], how)
    model = tiny.llama() if keep is None else change_adapters(tiny.llama(), only(shelf, "pirate"))
    desk = Desk(model) if keep is not None else None
    if desk is not None:
        desk.apply(tiny.mix_of(master=0.5))
    said, before, there = tiny.logits(model), tiny.fingerprint(model), loaded_adapters(model)
    with pytest.raises((LoadingError, AdapterFileError), match=says) as refused:
        change_adapters(model, only(shelf, "poet", "wide"), keep=keep or [])
    assert str(shelf["wide"]) in str(refused.value) or how == "target"
    assert torch.equal(tiny.logits(model), said)
    assert tiny.fingerprint(model) == before
    assert loaded_adapters(model) == there
    if desk is not None:
        assert not desk.outdated()
        desk.reset()
        assert torch.equal(tiny.logits(model), fresh(shelf, "pirate"))
    again = change_adapters(model, only(shelf, "poet"), keep=keep or [])
    assert "poet" in loaded_adapters(again)


def test_what_does_not_fit_says_how(shelf: dict[str, Path]) -> None:
    said = {}
    for name, other in (
        ("layers", tiny.llama(num_hidden_layers=1)),
        ("sizes", tiny.llama(hidden_size=64)),
        ("architecture", tiny.gpt2()),
    ):
        with pytest.raises(LoadingError) as refused:
            change_adapters(other, only(shelf, "pirate"))
        said[name] = str(refused.value)
    assert "Made for 2 layers or more; this model has 1" in said["layers"]
    assert "from 48 to 32 in the adapter, and from 48 to 64 in this model" in said["sizes"]
    assert "another architecture" in said["architecture"]


def test_names_are_checked(shelf: dict[str, Path]) -> None:
    model = change_adapters(tiny.llama(), only(shelf, "pirate"))
    with pytest.raises(LoadingError, match="not loaded: nobody"):
        change_adapters(model, {}, keep=["nobody"])
    with pytest.raises(LoadingError, match="already"):
        change_adapters(model, only(shelf, "pirate"), keep=["pirate"])
