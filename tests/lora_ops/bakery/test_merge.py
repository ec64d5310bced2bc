"""Merging: a whole model on disk plays what the desk plays, and the live one is as it was."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from standin.textgen_generate import hijacked_generation_config
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from lora_mixer.lora_ops import Cancelled, Desk, Faders, Mix
from lora_mixer.lora_ops.bakery import merge as merging
from lora_mixer.lora_ops.bakery import read_back
from lora_mixer.lora_ops.bakery.merge import merge
from lora_mixer.lora_ops.bakery.writing import Writing
from lora_mixer.lora_ops.shelf.quantised import opened

#: In 4 and 8 bits the live model rounds what goes through its layers, and the merged one does not.
_ROUNDED = {"LoRA on 8-bit", "LoRA on 4-bit"}


def moved(desk: Desk) -> Mix:
    found = desk.adapters["pirate"]
    faders = Faders(master=0.7, kinds={found.kinds[0]: -1.3}, modules={found.scalable[-1].name: 0.0})
    return Mix({"pirate": faders})


def load(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype="auto", local_files_only=True).eval()


@pytest.mark.parametrize("kind", [kind for kind in tiny.KINDS if kind.name != "DoRA on 4-bit"], ids=str)
def test_every_kind_of_adapter_merges(kind: tiny.Kind, tmp_path: Path):
    model = kind.build()
    loaded = tiny.logits(model)
    before = tiny.fingerprint(model)
    desk = Desk(model)
    mix = moved(desk)
    merged = merge(desk, mix, tmp_path, "whole", tiny.tokenizer(), writing=Writing(check=False))
    assert tiny.fingerprint(model) == before and torch.equal(tiny.logits(model), loaded)
    desk.apply(mix)
    wanted = tiny.logits(model)
    difference = (tiny.logits(load(merged.folder)) - wanted).abs().max()
    assert difference < (0.05 * wanted.abs().max() if kind.name in _ROUNDED else 5e-5)
    assert merged.opened == (kind.name in _ROUNDED)
    assert "quantization_config" not in json.loads((merged.folder / "config.json").read_text())
    assert AutoTokenizer.from_pretrained(merged.folder)("the").input_ids == tiny.ids_of("the")
    card = (merged.folder / "README.md").read_text()
    assert "library_name: transformers" in card
    assert kind.name == "a weighted adapter" or "| pirate | master | 0.7 |" in card


@pytest.mark.parametrize("kind", [kind for kind in tiny.KINDS if kind.name != "DoRA on 4-bit"], ids=str)
def test_the_model_is_read_back_and_compared(kind: tiny.Kind, tmp_path: Path):
    model = kind.build()
    loaded = tiny.logits(model)  # the first pass packs 4-bit weights for the processor, and touches experts
    desk = Desk(model)
    dice = torch.random.get_rng_state()
    before = tiny.fingerprint(model)
    merged = merge(desk, moved(desk), tmp_path, "whole")
    assert tiny.fingerprint(model) == before and torch.equal(tiny.logits(model), loaded)
    assert torch.equal(torch.random.get_rng_state(), dice)
    assert merged.greatest_difference is not None and merged.greatest_logit is not None and not merged.why_unchecked
    near = 0.15 * merged.greatest_logit if kind.name in _ROUNDED or model.dtype != torch.float32 else 1e-4
    assert 0 <= merged.greatest_difference < near
    assert "greatest difference to the mix" in (merged.folder / "README.md").read_text()
    assert json.loads(json.dumps(merged.to_dict()))["greatest_difference"] == merged.greatest_difference


@pytest.mark.parametrize("gain", [0.0, 0.5])
def test_dora_over_a_row_of_zeros_merges_silent_and_heard(gain: float, tmp_path: Path):
    model = tiny.with_a_row_of_zeros()
    desk = Desk(model)
    mix = Mix({"pirate": Faders(master=gain)})
    merged = merge(desk, mix, tmp_path, "whole", writing=Writing(check=False))
    desk.apply(mix)
    wanted = tiny.logits(model)
    assert wanted.isfinite().all()
    assert (tiny.logits(load(merged.folder)) - wanted).abs().max() < 5e-5


def test_a_model_that_says_something_else_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    desk = Desk(tiny.pirate())
    whole = merging.merged_weights

    def wrong(*args: Any) -> Any:
        state, changed = whole(*args)
        return {**state, "lm_head.weight": state["lm_head.weight"] * 1.1}, changed

    monkeypatch.setattr(merging, "merged_weights", wrong)
    merged = merge(desk, Mix(), tmp_path, "whole")
    assert merged.greatest_difference == pytest.approx(0.1 * (merged.greatest_logit or 0), rel=0.01)


def test_where_memory_does_not_hold_it_twice_it_is_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model: Any = tiny.pirate()
    desk = Desk(model)
    monkeypatch.setattr(read_back, "available", lambda device: 1000)
    merged = merge(desk, Mix(), tmp_path, "whole")
    assert merged.greatest_difference is None and "second time" in merged.why_unchecked
    assert (tiny.logits(load(merged.folder)) - tiny.logits(model)).abs().max() < 5e-5
    assert "greatest difference" not in (merged.folder / "README.md").read_text()

    def full(*args: Any, **options: Any) -> Any:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(read_back, "available", lambda device: None)
    monkeypatch.setattr(type(model.get_base_model()), "from_pretrained", full)
    assert "memory" in merge(desk, Mix(), tmp_path, "other").why_unchecked
    assert merge(desk, Mix(), tmp_path, "third", writing=Writing(check=False)).why_unchecked == "not asked for"


def test_tied_embeddings_part_only_where_an_adapter_parts_them(tmp_path: Path):
    model = tiny.pirate(tiny.llama(tie_word_embeddings=True), target_modules=["embed_tokens", "q_proj"])
    desk = Desk(model)
    parted = merge(desk, Mix(), tmp_path, "parted")
    assert json.loads((parted.folder / "config.json").read_text())["tie_word_embeddings"] is False
    assert (tiny.logits(load(parted.folder)) - tiny.logits(model)).abs().max() < 5e-5
    model = tiny.pirate(tiny.llama(tie_word_embeddings=True), target_modules=["q_proj"])
    tied = merge(Desk(model), Mix(), tmp_path, "tied")
    assert json.loads((tied.folder / "config.json").read_text())["tie_word_embeddings"] is True
    assert (tiny.logits(load(tied.folder)) - tiny.logits(model)).abs().max() < 5e-5


@pytest.mark.parametrize(
    "settings",
    [{}, {"temperature": 0.6, "top_p": 0.9}, {"do_sample": True, "min_p": 0.05, "eos_token_id": [1, 2]}],
    ids=["none", "sampling settings of a model that does not sample", "sampling"],
)
@pytest.mark.parametrize("inside", [True, False], ids=["in TextGen", "elsewhere"])
def test_the_generation_settings_of_the_base_are_written_as_they_are(settings: dict, inside: bool, tmp_path: Path):
    """TextGen puts its sampling arguments into every GenerationConfig, and published models have settings that do not
    go together: transformers saves neither, and loads both."""
    with hijacked_generation_config() if inside else nullcontext():
        base = tiny.llama()
        base.generation_config = GenerationConfig(**{"eos_token_id": 2, "pad_token_id": 0, **settings})
        model = tiny.pirate(base)
        merged = merge(Desk(model), Mix(), tmp_path, "whole", tiny.tokenizer())
        assert merged.greatest_difference is not None and merged.greatest_difference < 1e-4
    written = json.loads((merged.folder / "generation_config.json").read_text())
    written.pop("transformers_version")
    assert written == {"eos_token_id": 2, "pad_token_id": 0, **settings}
    again = load(merged.folder)
    assert {name: getattr(again.generation_config, name) for name in settings} == settings
    assert (tiny.logits(again) - tiny.logits(model)).abs().max() < 5e-5


def test_modules_to_save_replace_those_of_the_base(tmp_path: Path):
    model = tiny.pirate(target_modules=["q_proj"], modules_to_save=["lm_head"])
    with torch.no_grad():
        model.base_model.model.lm_head.modules_to_save["pirate"].weight *= 1.5
    merged = merge(Desk(model), Mix(), tmp_path, "whole")
    assert (tiny.logits(load(merged.folder)) - tiny.logits(model)).abs().max() < 5e-5


def test_only_the_named_adapters_are_in_it(tmp_path: Path):
    model = tiny.two()
    desk = Desk(model)
    live = Mix({"poet": Faders(master=3.0)})
    desk.apply(live)
    merged = merge(desk, Mix({"pirate": Faders(master=0.5)}), tmp_path, "whole", names=["pirate"])
    assert merged.names == ("pirate",) and desk.mix == live
    desk.apply(Mix({"pirate": Faders(master=0.5), "poet": Faders(on=False)}))
    assert (tiny.logits(load(merged.folder)) - tiny.logits(model)).abs().max() < 5e-5


def test_another_type_and_progress(tmp_path: Path):
    steps: list[int] = []
    writing = Writing(dtype=torch.bfloat16, progress=lambda done, of: steps.append(of))
    merged = merge(Desk(tiny.pirate()), Mix(), tmp_path, "half", writing=writing)
    assert len(steps) == steps[0] > 14
    assert load(merged.folder).dtype == torch.bfloat16


def test_what_cannot_be_merged_says_why(tmp_path: Path):
    packed = tiny.pirate(tiny.quantised(4), use_dora=True)
    _pack(packed)
    with pytest.raises(ValueError, match="packed for it"):
        merge(Desk(packed), Mix(), tmp_path, "out")
    with pytest.raises(ValueError, match="lora_bias"):
        merge(Desk(tiny.pirate(lora_bias=True)), Mix(), tmp_path, "out")
    with pytest.raises(ValueError, match="no adapter 'parrot'"):
        merge(Desk(tiny.pirate()), Mix(), tmp_path, "out", names=["parrot"])
    with pytest.raises(ValueError, match="at least one"):
        merge(Desk(tiny.pirate()), Mix(), tmp_path, "out", names=[])
    with pytest.raises(ValueError, match="cannot be a name"):
        merge(Desk(tiny.pirate()), Mix(), tmp_path, "../out")
    assert list(tmp_path.iterdir()) == []


def _pack(model: Any) -> None:
    """Packs 4-bit weights as bitsandbytes does at the first pass on some processors, here on every one."""
    from bitsandbytes.functional import _convert_weight_packed_for_cpu

    for layer in tiny.adapter_layers(model):
        weight = layer.get_base_layer().weight
        weight.data, weight.quant_state = _convert_weight_packed_for_cpu(weight.data, weight.quant_state)


def test_it_can_be_called_off_and_is_not_overwritten(tmp_path: Path):
    desk = Desk(tiny.pirate())
    live = Mix({"pirate": Faders(master=2.0)})
    desk.apply(live)
    with pytest.raises(Cancelled):
        merge(desk, Mix(), tmp_path, "out", writing=Writing(cancelled=lambda: True))
    assert list(tmp_path.iterdir()) == [] and desk.mix == live
    merge(desk, Mix(), tmp_path, "out")
    with pytest.raises(FileExistsError):
        merge(desk, Mix(), tmp_path, "out")
    merge(desk, Mix(), tmp_path, "out", writing=Writing(overwrite=True))


@pytest.mark.parametrize("bits", [4, 8])
def test_packed_weights_are_opened_as_they_play(bits: int):
    """A layer that is given unit vectors answers with its weight, as closely as it computes."""
    model = tiny.quantised(bits)
    layer = model.model.layers[0].self_attn.q_proj
    for _ in range(2):  # before and after it is packed for the processor
        weight = opened(layer).float()
        with torch.no_grad():
            played = layer(torch.eye(layer.in_features)).T.float()
        torch.testing.assert_close(weight, played, rtol=0.02, atol=0.02)
