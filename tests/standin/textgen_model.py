"""A model, a tokenizer and adapters for the stand-in of TextGen: real ones, made in memory within a second."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

START, END = "<|im_start|>", "<|im_end|>"


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """One token for each printable ASCII character: every text that a model makes of them is readable."""
    letters = string.ascii_letters + string.digits + string.punctuation + " \n"
    vocabulary = {token: index for index, token in enumerate(["<unk>", START, END, *letters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token=START, eos_token=END, pad_token="<unk>",
        clean_up_tokenization_spaces=False,
    )  # fmt: skip


def tiny_model(seed: int = 0) -> LlamaForCausalLM:
    """Two Llama layers in float32, with weights wide enough that the next token depends on the text."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tiny_tokenizer()), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=2048, initializer_range=0.4,
        bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def with_adapter(model: Any, name: str, rank: int = 4, alpha: int = 8, seed: int = 1) -> PeftModel:
    """`model` with one more adapter, of weights that are not zero."""
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    if isinstance(model, PeftModel):
        model.add_adapter(name, config)
    else:
        model = get_peft_model(model, config, adapter_name=name)
    generator = torch.Generator().manual_seed(seed)
    for parameter_name, parameter in model.named_parameters():
        if f".lora_B.{name}." in parameter_name:
            parameter.data.normal_(0, 0.1, generator=generator)
    return model.eval()


def save_adapter(folder: Path, rank: int = 4, alpha: int = 8, seed: int = 1) -> None:
    """An adapter for `tiny_model`, as a folder that PEFT loads."""
    with_adapter(tiny_model(), "default", rank, alpha, seed).save_pretrained(str(folder))
