"""Adapters of every sort that stock PEFT makes, on disk, and what stock PEFT plays of them at the gains of a mix."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from helpers import tiny
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import config as peft_configs

from lora_mixer.lora_ops import Desk, Mix, Target
from lora_mixer.lora_ops.engines.peft.playing import Playing
from lora_mixer.lora_ops.target import kind_of, layer_of

NAME = "pirate"
_MODULES = ["q_proj", "v_proj", "down_proj"]
_EXPERTS = ["experts.gate_up_proj", "experts.down_proj"]


@dataclass(frozen=True)
class Variant:
    """One sort of adapter.

    Attributes:
        name: for people.
        config: makes its configuration.
        base: makes its base model, the same each time.
        live: whether a desk can move it, once it is loaded.
        folds_blind: whether it can be baked from its folder at gains other than 1, without the base model.
    """

    name: str
    config: Callable[[], LoraConfig]
    base: Callable[[], Any] = tiny.llama
    live: bool = True
    folds_blind: bool = True

    def __str__(self) -> str:
        return self.name


def lora(**changes: Any) -> Callable[[], LoraConfig]:
    """A maker of configurations of rank 4 and alpha 8."""
    return lambda: LoraConfig(**{"r": 4, "lora_alpha": 8, "target_modules": _MODULES, **changes})


def own(field: str, config: str, **options: Any) -> Callable[[], LoraConfig]:
    """Of a variant that is told by a configuration of its own."""
    return lambda: lora(**{field: getattr(peft_configs, config)(**options)})()


def corda() -> Any:
    """A base model as `preprocess_corda` leaves it: without that stock PEFT does not load such an adapter."""
    model = tiny.llama()
    for name, module in model.named_modules():
        if name.endswith(tuple(_MODULES)):
            u, s, v = torch.linalg.svd(module.weight.detach(), full_matrices=False)
            module.eigens = SimpleNamespace(U_WC=u[:, 3:7], S_WC=s[3:7].clone(), V_WC=v[3:7].T)
    return model


tied = partial(tiny.llama, tie_word_embeddings=True)
_HEADS = ["embed_tokens", "lm_head", "q_proj"]
_PATTERNS = {"rank_pattern": {"q_proj": 2, "down_proj": 6}, "alpha_pattern": {"v_proj": 3, "layers.1.mlp.down_proj": 5}}
_OF_EXPERTS = {"target_modules": ["q_proj"], "target_parameters": _EXPERTS}

VARIANTS = [
    Variant("plain", lora()),
    Variant("rank-stabilised, with patterns", lora(use_rslora=True, **_PATTERNS)),
    Variant("gaussian", lora(init_lora_weights="gaussian")),
    Variant("orthogonal", lora(init_lora_weights="orthogonal", rank_pattern={"q_proj": 2})),
    Variant("EVA", lora(init_lora_weights="eva", eva_config=peft_configs.EvaConfig())),
    Variant("PiSSA", lora(init_lora_weights="pissa")),
    Variant("PiSSA with patterns", lora(init_lora_weights="pissa", **_PATTERNS)),
    Variant("OLoRA", lora(init_lora_weights="olora")),
    Variant("OLoRA with patterns", lora(init_lora_weights="olora", use_rslora=True, **_PATTERNS)),
    Variant("CorDA", lora(init_lora_weights="corda"), corda),
    Variant("DoRA", lora(use_dora=True), folds_blind=False),
    Variant("aLoRA", lora(alora_invocation_tokens=tiny.ids_of("oy"), task_type="CAUSAL_LM"), live=False),
    Variant("biases in B", lora(lora_bias=True), partial(tiny.llama, attention_bias=True, mlp_bias=True)),
    Variant("biases of the base", lora(bias="all"), partial(tiny.llama, attention_bias=True, mlp_bias=True)),
    Variant("a full copy", lora(modules_to_save=["lm_head"])),
    Variant("a full copy of what is tied", lora(modules_to_save=["embed_tokens"], ensure_weight_tying=True), tied),
    Variant("new tokens", lora(trainable_token_indices=[1, 2, 40])),
    Variant("embeddings", lora(target_modules=_HEADS)),
    Variant("tied embeddings, not tied in the adapter", lora(target_modules=_HEADS), tied),
    Variant("tied embeddings", lora(target_modules=_HEADS, ensure_weight_tying=True), tied),
    Variant(
        "tied embeddings, with patterns",
        lora(target_modules=_HEADS, ensure_weight_tying=True, alpha_pattern={"lm_head": 3}, use_rslora=True),
        tied,
    ),
    Variant("repeated layers", lora(layer_replication=[[0, 2], [1, 2]])),
    Variant("some layers", lora(layers_to_transform=[1], exclude_modules=["down_proj"])),
    Variant("all but some", lora(target_modules=r".*\.(q_proj|down_proj)", exclude_modules=r".*layers\.0.*")),
    Variant("experts (gpt-oss)", lora(**_OF_EXPERTS), tiny.gpt_oss),
    Variant(
        "experts (gpt-oss), with patterns",
        lora(
            **_OF_EXPERTS,
            rank_pattern={"gate_up_proj": 2, "layers.1.mlp.experts.down_proj": 6},
            alpha_pattern={"down_proj": 16, r"layers\.0\..*gate_up_proj": 5},
        ),
        tiny.gpt_oss,
    ),
    Variant(
        "experts (Llama 4)",
        lora(target_modules=[], target_parameters=_EXPERTS, alpha_pattern={"gate_up_proj": 3}, use_rslora=True),
        tiny.llama4,
    ),
    Variant("one parameter of experts", lora(target_modules=["q_proj"], target_parameters=_EXPERTS[1:]), tiny.gpt_oss),
]
if hasattr(peft_configs, "KasaConfig"):  # PEFT 0.18 knows none of these
    VARIANTS += [
        Variant("MiCA", lora(init_lora_weights="mica"), live=False),
        Variant("LoRA-GA", lambda: lora(init_lora_weights="lora_ga", lora_ga_config=peft_configs.LoraGAConfig())()),
        Variant("KaSA", own("kasa_config", "KasaConfig"), live=False),
        Variant("VeLoRA", own("velora_config", "VeloraConfig", num_groups=8), live=False),
        Variant("MonteCLoRA", own("monteclora_config", "MontecloraConfig"), live=False),
    ]
    BLOCKS = Variant(
        "BD-LoRA",
        own(
            "use_bdlora",
            "BdLoraConfig",
            target_modules_bd_a=["down_proj"],
            target_modules_bd_b=["q_proj", "v_proj"],
            nblocks=2,
        ),
        live=False,
    )


def named(*names: str) -> list[Variant]:
    """Some of them."""
    return [variant for variant in VARIANTS if variant.name in names]


def saved(variant: Variant, folder: Path, seed: int = 1) -> Path:
    """Such an adapter as stock PEFT saves it, with weights as if it had been trained."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = get_peft_model(variant.base(), variant.config(), adapter_name=NAME).eval()
        trained(model, seed)
        model.save_pretrained(str(folder))
    return folder / NAME


@torch.no_grad()
def trained(model: Any, seed: int) -> None:
    """Moves every weight of the adapter; what two modules share stays shared."""
    dice = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if "magnitude" in name:
            parameter *= 1 + 0.3 * torch.rand(parameter.shape, generator=dice)
        elif parameter.requires_grad or "lora_" in name:  # MiCA holds B still
            parameter += 0.2 * torch.randn(parameter.shape, generator=dice)


def stock(variant: Variant, folder: Path, name: str = NAME) -> Any:
    """The adapter as stock PEFT loads it onto a fresh base model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return PeftModel.from_pretrained(variant.base(), str(folder), adapter_name=name).eval()


def as_mixed(variant: Variant, folder: Path, mix: Mix) -> torch.Tensor:
    """What stock PEFT says with every scaling of the adapter multiplied by the gain that its target has in the mix.

    DoRA's magnitudes move with the gain, which is the desk's business.
    """
    model = stock(variant, folder)
    if variant.config().use_dora:
        Desk(model).apply(mix)
        return said(model)
    scaled(model, mix)
    return said(model)


def scaled(model: Any, mix: Mix, adapter: str = NAME) -> None:
    """Multiplies every scaling of an adapter by its gain, as it stands in PEFT's layers."""
    for path, layer in list(model.base_model.model.named_modules()):
        scaling = getattr(layer, "scaling", None)  # attention has one too, a number
        if isinstance(scaling, dict) and adapter in scaling:
            name = path.replace(".base_layer", "")
            if hasattr(layer, "parameter_name"):
                name = f"{name}.{layer.parameter_name}"
            scaling[adapter] *= mix.gain(Target(adapter, name, layer_of(name), kind_of(name), 1, 1.0, 1.0, True))


def said(model: Any) -> torch.Tensor:
    """Its logits for two texts, one of which holds the invocation tokens."""
    ids = torch.tensor([tiny.ids_of("Ahoy, mates"), tiny.ids_of("Who is here")])
    return tiny.logits(model, ids)


def off(one: torch.Tensor, other: torch.Tensor) -> float:
    """How far logits are apart, beside the greatest of them."""
    return float((one - other).abs().max() / other.abs().max())


OTHER = "poet"


def as_mixed_together(variant: Variant, folders: Mapping[str, Path], mix: Mix) -> torch.Tensor:
    """What stock PEFT says with both adapters in one model, every scaling multiplied by its gain."""
    # PEFT loads none beside an adapter of new tokens, but that one beside another.
    first, second = (OTHER, NAME) if variant.config().trainable_token_indices else (NAME, OTHER)
    model = stock(variant, folders[first], first)
    model.load_adapter(str(folders[second]), adapter_name=second)
    Playing(model).only(list(folders))
    for name in folders:
        scaled(model, mix, name)
    return said(model.eval())
