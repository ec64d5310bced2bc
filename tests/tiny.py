"""Tiny models, adapters and a tokenizer, made in memory: every kind of adapter that the desk knows, in milliseconds."""

from __future__ import annotations

import logging
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import settings
from hypothesis import strategies as st
from peft import LoHaConfig, LoKrConfig, LoraConfig, PeftConfig, PeftMixedModel, PeftModel, get_peft_model
from peft.tuners.tuners_utils import BaseTunerLayer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import nn
from transformers import (
    BitsAndBytesConfig,
    GPT2Config,
    GPT2LMHeadModel,
    GptOssConfig,
    GptOssForCausalLM,
    Llama4ForCausalLM,
    Llama4TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    LogitsProcessor,
    LogitsProcessorList,
    MixtralConfig,
    MixtralForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from lora_mixer.lora_ops import Adapter, Column, Desk, Faders, Mix, Result, Update, compare

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", message=".*should not be contained in the prefix.*")

PAD, EOS = 0, 1
_ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())
_MERGES = [("t", "h"), ("th", "e")]
VOCABULARY = 2 + len(_ALPHABET) + len(_MERGES)

#: For properties over models: no deadline, since a machine may be busy.
some = settings(deadline=None, max_examples=40)


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer: one token a byte, so that most characters beyond ASCII come in halves."""
    tokens = ["<pad>", "<eos>", *_ALPHABET, *("".join(pair) for pair in _MERGES)]
    backend = Tokenizer(models.BPE(vocab={token: at for at, token in enumerate(tokens)}, merges=_MERGES))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", eos_token="<eos>", clean_up_tokenization_spaces=False
    )


def ids_of(text: str) -> list[int]:
    """The token ids of a text."""
    return list(tokenizer()(text, add_special_tokens=False)["input_ids"])


def prompt(text: str = "Ahoy there", rows: int = 1) -> torch.Tensor:
    """A prompt, shape (rows, tokens)."""
    return torch.tensor([ids_of(text)] * rows)


# Models


_TEXT = {"vocab_size": VOCABULARY, "bos_token_id": None, "eos_token_id": None, "pad_token_id": PAD}
_SIZE = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.3,
}


def _made(model_class: Any, config: Any) -> Any:
    torch.manual_seed(0)
    return model_class(config).eval()


def llama(**changes: Any) -> LlamaForCausalLM:
    """Two decoder blocks, 7 linear layers each, embeddings and an untied head."""
    return _made(LlamaForCausalLM, LlamaConfig(**{**_TEXT, **_SIZE, **changes}))


def gpt2() -> GPT2LMHeadModel:
    """Conv1D layers, whose weights lie the other way round, and tied embeddings."""
    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256, "initializer_range": 0.3}
    return _made(GPT2LMHeadModel, GPT2Config(**_TEXT, **sizes))


def opt() -> OPTForCausalLM:
    """Flattens the batch before its MLP, in some versions of transformers."""
    sizes = {"hidden_size": 32, "word_embed_proj_dim": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    return _made(OPTForCausalLM, OPTConfig(**_TEXT, **sizes, ffn_dim=48, max_position_embeddings=256, init_std=0.3))


def mixtral() -> MixtralForCausalLM:
    """A mixture of experts: modules of their own in transformers 4, one 3-D parameter in transformers 5."""
    return _made(MixtralForCausalLM, MixtralConfig(**_TEXT, **_SIZE, num_local_experts=4, num_experts_per_tok=2))


def gpt_oss() -> GptOssForCausalLM:
    """A mixture of experts whose experts are 3-D parameters, with biases."""
    experts = {"head_dim": 8, "num_local_experts": 4, "num_experts_per_tok": 2, "layer_types": ["full_attention"] * 2}
    return _made(GptOssForCausalLM, GptOssConfig(**_TEXT, **_SIZE, **experts))


def llama4() -> Llama4ForCausalLM:
    """A mixture of experts whose experts are 3-D parameters, stored the other way round."""
    experts = {"head_dim": 8, "num_local_experts": 4, "num_experts_per_tok": 1, "interleave_moe_layer_step": 1}
    return _made(Llama4ForCausalLM, Llama4TextConfig(**_TEXT, **_SIZE, **experts, intermediate_size_mlp=48))


@cache
def _saved_llama() -> tuple[Path, Any]:
    folder = tempfile.TemporaryDirectory(prefix="tiny-llama-", ignore_cleanup_errors=True)  # lives with the cache
    llama(hidden_size=64, intermediate_size=128).save_pretrained(folder.name)
    return Path(folder.name), folder


def quantised(bits: int, dtype: torch.dtype = torch.float32, **options: Any) -> LlamaForCausalLM:
    """A Llama in 8 or 4 bits by bitsandbytes, on the CPU."""
    pytest.importorskip("bitsandbytes")
    config = (
        BitsAndBytesConfig(load_in_8bit=True, **options)
        if bits == 8
        else BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype=dtype, **options)
    )
    model = LlamaForCausalLM.from_pretrained(
        _saved_llama()[0], quantization_config=config, dtype=dtype, device_map="cpu", local_files_only=True
    )
    return model.eval()


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


# Comparing


class InStep(LogitsProcessor):
    """Waits before each token until the listener has heard the one before, so that no update is missed."""

    def __init__(self) -> None:
        self.heard = threading.Semaphore(1)
        self._at = 0

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if input_ids.shape[1] != self._at:
            self._at = input_ids.shape[1]
            assert self.heard.acquire(timeout=30)
        return scores

    def __deepcopy__(self, memo: Any) -> InStep:
        return self


def heard(
    desk: Desk,
    mixes: Iterable[Mix],
    generation: dict[str, Any] | None = None,
    *,
    seed: int = 7,
    text: str = "Ahoy there",
    in_step: bool = False,
    **options: Any,
) -> tuple[list[Update], Result]:
    """Compares mixes to the end: all updates that came (one for every token if `in_step`), and the result."""
    columns = [Column(str(at), mix) for at, mix in enumerate(mixes)]
    generation = {"max_new_tokens": 16, "do_sample": False, **(generation or {})}
    step = InStep()
    if in_step:
        generation["logits_processor"] = LogitsProcessorList([*generation.get("logits_processor", ()), step])
    run = compare(desk, tokenizer(), prompt(text), columns, seed=seed, generation=generation, **options)
    updates = []
    for update in run:
        updates.append(update)
        step.heard.release()
    return updates, run.result


def generated(model: Any, generation: dict[str, Any], *, seed: int = 7, text: str = "Ahoy there") -> tuple[int, ...]:
    """What plain `generate` of transformers says, the prompt and the end token cut off."""
    input_ids = prompt(text)
    torch.manual_seed(seed)
    settings = {"max_new_tokens": 16, "do_sample": False, "attention_mask": torch.ones_like(input_ids), **generation}
    new = model.generate(input_ids=input_ids, **settings)[0, input_ids.shape[1] :].tolist()
    ends = settings.get("eos_token_id", [])
    ends = ends if isinstance(ends, list) else [ends]
    return tuple(new[: next((at for at, token in enumerate(new) if token in ends), len(new))])
