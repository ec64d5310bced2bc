"""Tiny models with adapters, made in memory: every kind of adapter that the desk knows, and what is asked of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from helpers.tiny_models import (  # noqa: F401 - tests call all of them by `tiny`
    EOS,
    PAD,
    VOCABULARY,
    gpt2,
    gpt_oss,
    ids_of,
    llama,
    llama4,
    mixtral,
    opt,
    prompt,
    quantised,
    tokenizer,
)
from hypothesis import settings
from hypothesis import strategies as st
from peft import LoHaConfig, LoKrConfig, LoraConfig, PeftConfig, PeftMixedModel, PeftModel, get_peft_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn
from transformers import PreTrainedModel

from lora_mixer.lora_ops import Adapter, Desk, Faders, Mix, Target

#: For properties over models: no deadline, since a machine may be busy.
some = settings(deadline=None, max_examples=40)


# Adapters


def add(model: Any, config: PeftConfig, name: str = "pirate") -> PeftModel:
    """Loads an adapter with random weights; every adapter of one model is active afterwards."""
    torch.manual_seed(len(name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not isinstance(model, PeftModel):
            return _trained(get_peft_model(model, config, adapter_name=name), name)
        model.add_adapter(name, config)
    model.base_model.set_adapter(list(model.peft_config))
    return _trained(model, name)


@torch.no_grad()
def _trained(model: PeftModel, name: str) -> PeftModel:
    """Fresh magnitudes are the norms of the adapted weights, and do nothing of their own: training moves them."""
    for layer in adapter_layers(model):
        magnitudes = getattr(layer, "lora_magnitude_vector", {})
        if name in magnitudes:
            weight = magnitudes[name].weight
            weight *= 1 + 0.5 * torch.rand_like(weight)
    return model.eval()


def lora(**changes: Any) -> LoraConfig:
    """LoRA of rank 4 and alpha 8, with random weights, on all linear layers."""
    return LoraConfig(
        **{"r": 4, "lora_alpha": 8, "init_lora_weights": False, "target_modules": "all-linear", **changes}
    )


def pirate(model: Any = None, **changes: Any) -> PeftModel:
    """A Llama with one plain LoRA adapter, "pirate", on its 14 linear layers."""
    return add(model or llama(), lora(**changes))


def with_a_row_of_zeros() -> PeftModel:
    """DoRA on an output head that has the row of a token that nobody says, as padding has it."""
    base = llama(tie_word_embeddings=True)
    with torch.no_grad():
        base.get_input_embeddings().weight[PAD] = 0
    return pirate(base, use_dora=True, target_modules=["lm_head", "q_proj"])


def two() -> PeftModel:
    """Two adapters, both active, whose ranks and targets differ: "pirate" and "poet"."""
    return add(pirate(), lora(r=2, lora_alpha=2, target_modules=["q_proj", "v_proj"], use_rslora=True), "poet")


def blended() -> PeftModel:
    """What a host does with two adapters: a weighted one of both, active alone."""
    model = add(pirate(), lora(r=4, lora_alpha=4), "poet")
    model.add_weighted_adapter(["pirate", "poet"], [1.0, 1.0], "__merged", combination_type="linear")
    model.set_adapter("__merged")
    return model.eval()


def injected() -> PreTrainedModel:
    """A transformers model that loaded its adapter itself: there is no `PeftModel` around it."""
    model = llama()
    torch.manual_seed(6)
    model.add_adapter(lora(), adapter_name="pirate")
    return model.eval()


def mixed() -> PeftMixedModel:
    """LoRA and LoHa in the same layers, both active."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(6)
        model = PeftMixedModel(llama(), lora(target_modules=["q_proj", "up_proj"]), adapter_name="pirate")
        model.add_adapter("poet", LoHaConfig(r=4, alpha=8, target_modules=["q_proj"], init_weights=False))
        model.set_adapter(["pirate", "poet"])
    return model.eval()


def bfloat16() -> PeftModel:
    """Model and adapter in bfloat16."""
    return pirate(llama().to(torch.bfloat16)).to(torch.bfloat16)


_EXPERTS = ["experts.gate_up_proj", "experts.down_proj"]


@dataclass(frozen=True)
class Kind:
    """One kind of adapter on one kind of layer.

    Attributes:
        name: for people.
        build: makes a fresh model with such an adapter; the same each time.
        rows: whether it can run in rows.
        targets: how many it has.
    """

    name: str
    build: Callable[[], Any]
    rows: bool
    targets: int

    def __str__(self) -> str:
        return self.name


KINDS = [
    Kind("LoRA on Linear", pirate, True, 14),
    Kind("LoRA on Embedding", lambda: pirate(target_modules=["embed_tokens", "q_proj"]), True, 3),
    Kind(
        "LoRA on tied embeddings",
        lambda: pirate(llama(tie_word_embeddings=True), target_modules=["embed_tokens", "lm_head"]),
        True,
        2,
    ),
    Kind(
        "LoRA on Conv1D",
        lambda: pirate(gpt2(), target_modules=["c_attn", "c_proj", "c_fc", "wte"], fan_in_fan_out=True),
        True,
        9,
    ),
    Kind("LoRA on 8-bit", lambda: pirate(quantised(8)), True, 14),
    Kind("LoRA on 4-bit", lambda: pirate(quantised(4)), True, 14),
    Kind("rank-stabilised LoRA", lambda: pirate(use_rslora=True), True, 14),
    Kind(
        "LoRA with patterns",
        lambda: pirate(rank_pattern={"q_proj": 2, "down_proj": 6}, alpha_pattern={"v_proj": 3, "down_proj": 12}),
        True,
        14,
    ),
    Kind("LoRA with biases", lambda: pirate(llama(attention_bias=True, mlp_bias=True), lora_bias=True), True, 14),
    Kind("two adapters of differing ranks", two, True, 18),
    Kind("a weighted adapter", blended, True, 42),
    Kind("an injected adapter", injected, True, 14),
    Kind("LoRA on experts (gpt-oss)", lambda: pirate(gpt_oss(), target_parameters=_EXPERTS), False, 12),
    Kind(
        "LoRA on experts (Llama 4)", lambda: pirate(llama4(), target_modules=[], target_parameters=_EXPERTS), False, 4
    ),
    Kind("DoRA on Linear", lambda: pirate(use_dora=True), False, 14),
    Kind("DoRA on Embedding", lambda: pirate(use_dora=True, target_modules=["embed_tokens", "q_proj"]), False, 3),
    Kind(
        "DoRA on Conv1D",
        lambda: pirate(gpt2(), target_modules=["c_attn", "c_proj"], fan_in_fan_out=True, use_dora=True),
        False,
        6,
    ),
    Kind("DoRA on 4-bit", lambda: pirate(quantised(4), use_dora=True), False, 14),
    Kind(
        "LoHa",
        lambda: add(llama(), LoHaConfig(r=4, alpha=8, target_modules=["q_proj", "up_proj"], init_weights=False)),
        False,
        4,
    ),
    Kind(
        "LoKr",
        lambda: add(llama(), LoKrConfig(r=4, alpha=8, target_modules=["q_proj", "up_proj"], init_weights=False)),
        False,
        4,
    ),
    Kind("LoRA and LoHa in the same layers", mixed, False, 6),
]


# What is asked of them


@torch.no_grad()
def logits(model: Any, input_ids: torch.Tensor | None = None) -> torch.Tensor:
    """What the model says about each next token, shape (rows, tokens, vocabulary)."""
    return model(input_ids=prompt() if input_ids is None else input_ids).logits


def adapter_layers(model: nn.Module) -> Iterator[Any]:
    """Every PEFT layer of the model."""
    return (module for module in model.modules() if isinstance(module, BaseTunerLayer))


@contextmanager
def without_adapters(model: nn.Module) -> Iterator[None]:
    """Inside the block PEFT passes all adapters over: what the base model says."""
    layers = list(adapter_layers(model))
    for layer in layers:
        layer._disable_adapters = True
    try:
        yield
    finally:
        for layer in layers:
            layer._disable_adapters = False


def base_logits(model: Any, input_ids: torch.Tensor | None = None) -> torch.Tensor:
    """What the model says without any adapter."""
    with without_adapters(model):
        return logits(model, input_ids)


def scalings(model: nn.Module) -> list[Any]:
    """The very objects that stand in `scaling`, in the order of the model."""
    return [value for layer in adapter_layers(model) for value in layer.scaling.values()]


def same_objects(one: Iterable[Any], other: Iterable[Any]) -> bool:
    """Whether two lists hold the very same objects, in the same order."""
    return [id(value) for value in one] == [id(value) for value in other]


def fingerprint(model: nn.Module) -> dict[str, Any]:
    """Everything about a model that a desk at rest must not change, but for the values of its tensors."""
    # Listing the state of a 4-bit layer repacks its weights, after which it says something else.
    four_bit = any(type(module).__name__ == "Linear4bit" for module in model.modules())
    return {
        "state": [] if four_bit else list(model.state_dict()),
        "modules": [(name, type(module), id(module)) for name, module in model.named_modules()],
        "tensors": [
            (name, tensor.data_ptr(), tensor.dtype)
            for tensors in (model.named_parameters(), model.named_buffers())
            for name, tensor in tensors
        ],
        "gradients": [(name, parameter.requires_grad) for name, parameter in model.named_parameters()],
        "hooks": [
            (name, len(hooks))
            for name, module in model.named_modules()
            for hooks in (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)
            if hooks
        ],
        "active": [tuple(layer.active_adapters) for layer in adapter_layers(model)],
    }


def state_of(model: Any) -> list[torch.Tensor]:
    """Copies of all tensors of the model."""
    return [tensor.detach().clone() for tensor in model.state_dict().values()]


def same_tensors(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    """Whether two lists of tensors are equal to the bit."""
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def scalable(desk: Desk) -> list[Target]:
    """All targets that the desk moves."""
    return [target for adapter in desk.adapters.values() for target in adapter.scalable]


def mix_of(adapter: str = "pirate", **faders: Any) -> Mix:
    """A mix that moves the faders of one adapter."""
    return Mix({adapter: Faders(**faders)})


gains = st.floats(min_value=-8, max_value=8).map(lambda gain: round(gain, 3))


def mixes(adapters: Iterable[Adapter], gains: st.SearchStrategy[float] = gains) -> st.SearchStrategy[Mix]:
    """Any mix of these adapters."""

    def faders(adapter: Adapter) -> st.SearchStrategy[Faders]:
        return st.builds(
            Faders,
            on=st.booleans() | st.just(True),
            master=gains,
            kinds=_some_of(adapter.kinds, gains),
            layers=_some_of(adapter.layers, gains),
            modules=_some_of(sorted(adapter.names), gains),
        )

    positions = {adapter.name: faders(adapter) for adapter in adapters}
    return st.fixed_dictionaries({}, optional=positions).map(Mix)


def _some_of(keys: Iterable[Any], gains: st.SearchStrategy[float]) -> st.SearchStrategy[dict[Any, float]]:
    keys = list(keys)
    return st.dictionaries(st.sampled_from(keys), gains, max_size=4) if keys else st.just({})
