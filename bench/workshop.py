"""What every measurement is handed: how thorough to be, where to put things, and the models that are measured on."""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from ..demo.base_model import load_base
from ..lora_ops import Desk

ROOT = Path(__file__).resolve().parent.parent
#: The adapter that is measured on: all linear layers of the demo's model, 30 layers x 7 kinds.
ADAPTER = "loud"
RANK = 16
KINDS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
QUESTION = "Tell me about the sea, and about the people who live beside it."

T = TypeVar("T")


@dataclass(frozen=True)
class Workshop:
    """One run of the bench.

    Attributes:
        quick: only see whether everything works; the numbers mean little.
        scratch: a folder that is gone after the run.
    """

    quick: bool
    scratch: Path

    def pick(self, full: T, quick: T) -> T:
        """How much to do."""
        return quick if self.quick else full

    def say(self, text: str) -> None:
        """Progress, beside the tables."""
        print(f"… {text}", file=sys.stderr, flush=True)

    def adapter(self) -> Path:
        """A rank-16 adapter on 210 targets of the demo's model, on disk; made the first time."""
        folder = self.scratch / ADAPTER
        if not folder.is_dir():
            self.say("making a rank-16 adapter on 210 targets")
            torch.manual_seed(0)
            config = LoraConfig(r=RANK, lora_alpha=RANK, target_modules=list(KINDS), task_type="CAUSAL_LM")
            model = get_peft_model(_base()[0], config, adapter_name=ADAPTER)
            for name, weight in model.named_parameters():
                if "lora_B" in name:  # as loaded it would be zero: nothing to hear
                    nn.init.normal_(weight, std=0.01)
            model.save_pretrained(self.scratch)  # in a folder of the adapter's name
        return folder

    def model(self) -> tuple[Any, Any]:
        """The demo's model with that adapter, and its tokenizer; a new one each time."""
        folder = self.adapter()
        base, tokenizer = _base()
        return PeftModel.from_pretrained(base, str(folder), adapter_name=ADAPTER).eval(), tokenizer


def prompt(tokenizer: Any) -> torch.Tensor:
    """`QUESTION` to the demo's model, some 40 tokens, shape (1, tokens)."""
    chat = [{"role": "user", "content": QUESTION}]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    ids: torch.Tensor = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    return ids


def forget_desk(model: nn.Module) -> None:
    """Takes the desk off a model, as loaded, so that the next one meets it for the first time."""
    for name, value in list(vars(model).items()):
        if isinstance(value, Desk):
            value.reset()
            del vars(model)[name]


def deep_model(layers: int) -> Any:
    """A Llama with `layers` x 7 targets, of tiny sizes."""
    config = LlamaConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        vocab_size=64,
    )
    return get_peft_model(LlamaForCausalLM(config), LoraConfig(r=2, target_modules=list(KINDS))).eval()


def expert_model(layers: int, experts: int) -> Any:
    """A mixture of experts with `layers` x `experts` x 3 targets, of tiny sizes: its modules, and nothing to run.

    PEFT adapts the first layer alone, the others are copies of it: adapting every layer would take PEFT a minute.
    """
    model = get_peft_model(_Experts(experts), LoraConfig(r=2, target_modules=list(KINDS[4:]))).eval()
    blocks = model.get_base_model().layers
    blocks.extend(copy.deepcopy(blocks[0]) for _ in range(layers - 1))
    return model


class _Experts(nn.Module):
    def __init__(self, experts: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.ModuleDict({"experts": nn.ModuleList(_expert() for _ in range(experts))})])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def _expert() -> nn.Module:
    return nn.ModuleDict({kind: nn.Linear(4, 4, bias=False) for kind in KINDS[4:]})


def _base() -> tuple[Any, Any]:
    return load_base(ROOT / ".cache")


@contextmanager
def quietly() -> Iterator[None]:
    """Other people's progress bars and warnings would stand in the middle of the tables."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
