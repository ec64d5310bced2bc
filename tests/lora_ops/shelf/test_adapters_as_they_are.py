"""Adapters as people have them: shelf and loading say the same, and what loads plays what it was meant to play.

Stock PEFT is the judge. Where it passes over weights because of how they are called, the judge is the same adapter
before its names were changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.as_saved import ENDLESS, PATTERNS, edited, played, renamed, saved, tied
from safetensors.torch import load_file, save_file

from lora_mixer.lora_ops.engines.peft.loading import LoadingError, change_adapters, loaded_adapters
from lora_mixer.lora_ops.shelf.adapter_files import CONFIG, WEIGHTS, AdapterFileError, read_adapter
from lora_mixer.lora_ops.shelf.fitting import Fitting

#: `regex` sees at once that there is no such character.
ENDLESS_IN_RE = r"(([a-z0-9_.])+)+X"


def stored(folder: Path, dtype: torch.dtype) -> Path:
    path = folder / WEIGHTS
    save_file({key: tensor.to(dtype) for key, tensor in load_file(path).items()}, path)
    return folder


def llava() -> Any:
    """A model that sees, whose language model moved to another place between versions of transformers."""
    from transformers import CLIPVisionConfig, LlavaConfig, LlavaForConditionalGeneration

    torch.manual_seed(0)
    text = tiny.llama().config
    vision = CLIPVisionConfig(hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
                              image_size=28, patch_size=14, projection_dim=16)  # fmt: skip
    return LlavaForConditionalGeneration(LlavaConfig(text_config=text, vision_config=vision)).eval()


PLAYS, AS_BEFORE, REFUSED = "as stock PEFT plays it", "as before its names were changed", "refused"


@dataclass(frozen=True)
class Kind:
    """One kind of adapter.

    Attributes:
        name: for people.
        change: what is done to an adapter after stock PEFT saved it.
        ends: what comes of it.
        base: makes the base model.
        config: fields of its LoraConfig.
    """

    name: str
    change: Callable[[Path], Any] = lambda folder: folder
    ends: str = PLAYS
    base: Callable[[], Any] = tiny.llama
    config: Any = None

    def __str__(self) -> str:
        return self.name


def with_fields(ends: str = PLAYS, **fields: Any) -> Callable[[str], Kind]:
    return lambda name: Kind(name, lambda folder: edited(folder, **fields), ends)


def with_names(pattern: str, replacement: str, **config: Any) -> Callable[[str], Kind]:
    return lambda name: Kind(name, lambda folder: renamed(folder, pattern, replacement), AS_BEFORE, config=config)


EXPERTS = {"target_parameters": tiny._EXPERTS, "target_modules": ["q_proj"]}
TIED = {"ensure_weight_tying": True}
LANGUAGE = {"target_modules": r".*language_model.*\.(q_proj|down_proj)"}

KINDS = [
    Kind("plain"),
    with_names(r"\.weight$", ".default.weight")("the adapter's name left in"),
    with_names(r"\.weight$", ".pirate.weight")("another name left in"),
    with_names("^", "_orig_mod.")("compiled"),
    with_names(r"model\.layers", "_orig_mod.model.layers")("compiled inside"),
    with_names("^", "module.")("data parallelism"),
    with_names(r"^base_model\.model\.", "base_model.model.module.")("data parallelism inside"),
    with_names(r"^base_model\.model\.", "")("no prefix"),
    with_names(r"^base_model\.model\.(.*)\.weight$", r"module._orig_mod.\1.default.weight")("all of it"),
    with_names(r"magnitude_vector$", "magnitude_vector.weight", use_dora=True)("DoRA's other spelling"),
    with_names(r"magnitude_vector$", "magnitude_vector.default", use_dora=True)("DoRA with a name in it"),
    with_names(r"magnitude_vector$", "magnitude_vector.default.weight", use_dora=True)("DoRA with both"),
    with_names(r"lm_head\.weight$", "lm_head.modules_to_save.default.weight", modules_to_save=["lm_head"])("a copy"),
    Kind("names of two adapters", lambda folder: renamed(folder, r"(A|B)\.weight$", r"\1.\1.weight"), REFUSED),
    Kind("no model in its names", lambda folder: renamed(folder, r"model\.layers", "layers"), REFUSED),
    with_fields(peft_type="lora")("lower case"),
    with_fields(task_type="causal_lm")("a task in lower case"),
    with_fields(rank_pattern=None, alpha_pattern=None)("null patterns"),
    with_fields(bias=None, fan_in_fan_out=None, lora_dropout=None, use_rslora=None, use_dora=None,
                init_lora_weights=None, layers_pattern=None, modules_to_save=None, auto_mapping=None)("null fields"),
    with_fields(use_super_lora=True, runtime_config={"a": 1})("an unknown option"),
    with_fields(exclude_modules=r"lm_head")("a pattern that excludes nothing"),
    *(with_fields(target_modules=pattern)(f"target_modules {at}") for at, pattern in enumerate(PATTERNS)),
    with_fields(alpha_pattern={r".*layers\.(0|7)\..*_proj": 3, "q_proj": 5})("a pattern of alphas"),
    with_fields(alpha_pattern={f"model.layers.{at}.self_attn.q_proj": at + 1 for at in range(99)})("many alphas"),
    Kind("a rank for what is not there", config={"rank_pattern": {"gate_up_proj": 64}}),
    Kind("a pattern of ranks", config={"rank_pattern": {r".*layers\.[0-3]\.mlp.*": 2}}),
    Kind("excluded", config={"exclude_modules": r".*\.1\..*"}),
    Kind("layers", config={"layers_to_transform": [1], "layers_pattern": "layers"}),
    Kind("layers without a pattern", config={"layers_to_transform": 1}),
    with_fields(REFUSED, target_modules=ENDLESS)("endless targets"),
    with_fields(REFUSED, exclude_modules=ENDLESS)("endless exclusion"),
    with_fields(REFUSED, alpha_pattern={ENDLESS: 3})("endless alphas"),
    with_fields(REFUSED, rank_pattern={ENDLESS: 3})("endless ranks"),
    with_fields(REFUSED, layers_to_transform=[0, 1], layers_pattern=[ENDLESS])("endless layers"),
    with_fields(REFUSED, modules_to_save=[ENDLESS])("endless copies"),
    with_fields(REFUSED, target_modules=f"{ENDLESS_IN_RE}|.*(q_proj|down_proj)")("targets without end in re alone"),
    with_fields(REFUSED, alpha_pattern={ENDLESS_IN_RE: 3})("alphas without end in re alone"),
    with_fields(REFUSED, target_modules="(q_proj")("no regular expression"),
    with_fields(REFUSED, target_modules=["q_proj"])("weights that nobody names"),
    with_fields(REFUSED, target_modules=["q_proj", "down_proj", "up_proj"])("names without weights"),
    with_fields(REFUSED, modules_to_save=["lm_head"])("a copy that is not there"),
    with_fields(REFUSED, kasa_config={"beta": 1e-4})("KaSA"),
    with_fields(REFUSED, kasa_config={})("KaSA with nothing said"),
    with_fields(REFUSED, init_lora_weights="olora")("OLoRA"),
    with_fields(REFUSED, layer_replication=[[0, 2], [0, 2]])("layers twice"),
    with_fields(REFUSED, peft_type="SUPER")("a method that PEFT lacks"),
    with_fields(REFUSED, target_modules=".*_proj", layers_to_transform=[1])("layers of a pattern"),
    Kind("fp8 (e4m3)", lambda folder: stored(folder, torch.float8_e4m3fn)),
    Kind("fp8 (e5m2)", lambda folder: stored(folder, torch.float8_e5m2)),
    Kind("16 bits", lambda folder: stored(folder, torch.bfloat16)),
    Kind("copies by the ends of names", config={"modules_to_save": ["embed_tokens", "norm"]}),
    Kind("experts", base=tiny.gpt_oss, config=EXPERTS),
    Kind("experts of two ranks", base=tiny.gpt_oss, config={**EXPERTS, "rank_pattern": {"gate_up_proj": 2}}),
    Kind("experts of two alphas", base=tiny.gpt_oss, config={**EXPERTS, "alpha_pattern": {"experts.down_proj": 3}}),
    Kind("experts by a pattern", base=tiny.gpt_oss, config={**EXPERTS, "alpha_pattern": {r".*\.0\..*down_proj": 3}}),
    Kind("experts of Llama 4", base=tiny.llama4, config=EXPERTS),
    Kind("tied embeddings", base=tied, config={"target_modules": ["embed_tokens", "q_proj"], **TIED}),
    Kind("tied both", base=tied, config={"target_modules": ["embed_tokens", "lm_head"], **TIED}),
    Kind("a tied copy", base=tied, config={"modules_to_save": ["embed_tokens"], **TIED}),
    Kind("tied, but not in this model", config={"target_modules": ["embed_tokens", "q_proj"], **TIED}),
    Kind("tokens", config={"trainable_token_indices": [5, 6]}),
    Kind("a model that sees", base=llava, config=LANGUAGE),
    Kind(
        "a model that sees, from before",
        lambda folder: renamed(folder, r"model\.language_model\.layers", "language_model.model.layers"),
        AS_BEFORE, llava, LANGUAGE,
    ),
    Kind("a model that never was", lambda folder: renamed(folder, r"language_model\.layers", "other.layers"), REFUSED,
         llava, LANGUAGE),
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_shelf_and_loading_say_the_same_and_what_loads_is_right(kind: Kind, tmp_path: Path) -> None:
    folder = saved(tmp_path, kind.base(), **(kind.config or {}))
    before = played(kind.base(), folder)
    kind.change(folder)
    model = kind.base()
    plain, there = tiny.logits(model), tiny.fingerprint(model)
    try:
        said = Fitting.of(model).why_not(read_adapter(folder))
    except AdapterFileError as error:
        said = str(error)
    assert bool(said) == (kind.ends == REFUSED), said
    if kind.ends == REFUSED:
        with pytest.raises((LoadingError, AdapterFileError)) as refused:
            change_adapters(model, {"pirate": folder})
        assert said in str(refused.value) and len(said) < 600
        assert torch.equal(tiny.logits(model), plain) and tiny.fingerprint(model) == there
        return
    loaded = change_adapters(model, {"pirate": folder})
    truth = before if kind.ends == AS_BEFORE else played_as_meant(kind.base(), folder)
    assert not torch.allclose(truth, plain, atol=1e-3)
    torch.testing.assert_close(tiny.logits(loaded), truth, atol=1e-5, rtol=1e-5)
    assert torch.equal(tiny.logits(change_adapters(loaded, {})), plain)


def played_as_meant(base: Any, folder: Path) -> torch.Tensor:
    """What stock PEFT says with the adapter, once the fields at which it stumbles are as it writes them."""
    fields = json.loads((folder / CONFIG).read_text())
    whole = {key: value for key, value in fields.items() if value is not None}
    path = folder / CONFIG
    path.write_text(json.dumps({**whole, "peft_type": "LORA", "task_type": None}))
    try:
        return played(base, folder)
    finally:
        path.write_text(json.dumps(fields))


def test_two_adapters_of_experts_are_right_or_refused(tmp_path: Path) -> None:
    one, two = saved(tmp_path / "1", tiny.gpt_oss(), **EXPERTS), saved(tmp_path / "2", tiny.gpt_oss(), **EXPERTS)
    model = change_adapters(tiny.gpt_oss(), {"one": one})
    said = tiny.logits(model)
    try:
        both = change_adapters(model, {"two": two}, keep=["one"])
    except LoadingError:
        assert torch.equal(tiny.logits(model), said) and list(loaded_adapters(model)) == ["one"]
        return
    torch.testing.assert_close(tiny.logits(change_adapters(both, {}, keep=["two"])), played(tiny.gpt_oss(), two))
