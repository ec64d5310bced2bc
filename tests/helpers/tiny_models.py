"""Tiny models without adapters, and a tokenizer, made in memory in milliseconds; tests find them in `tiny`."""

from __future__ import annotations

import logging
import tempfile
import warnings
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
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
    MixtralConfig,
    MixtralForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedTokenizerFast,
)

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", message=".*should not be contained in the prefix.*")

PAD, EOS = 0, 1
_ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())
_MERGES = [("t", "h"), ("th", "e")]
VOCABULARY = 2 + len(_ALPHABET) + len(_MERGES)


def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer: one token a byte, so that most characters beyond ASCII come in halves.

    One of its own for whoever asks: tests give it templates and other ends of a reply.
    """
    return deepcopy(_tokenizer())


@cache
def _tokenizer() -> PreTrainedTokenizerFast:
    tokens = ["<pad>", "<eos>", *_ALPHABET, *("".join(pair) for pair in _MERGES)]
    backend = Tokenizer(models.BPE(vocab={token: at for at, token in enumerate(tokens)}, merges=_MERGES))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", eos_token="<eos>", clean_up_tokenization_spaces=False
    )


def ids_of(text: str) -> list[int]:
    """The token ids of a text."""
    return list(_tokenizer()(text, add_special_tokens=False)["input_ids"])


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
    config = (
        BitsAndBytesConfig(load_in_8bit=True, **options)
        if bits == 8
        else BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype=dtype, **options)
    )
    model = LlamaForCausalLM.from_pretrained(
        _saved_llama()[0], quantization_config=config, dtype=dtype, device_map="cpu", local_files_only=True
    )
    return model.eval()
