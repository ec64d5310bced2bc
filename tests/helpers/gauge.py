"""A model that says how loud its adapter is, and can be made to wait before each token.

What a fader does is then read off the text: whatever it is asked, the model repeats one word when its adapter is
silent, and another when it is as loaded.
"""

from __future__ import annotations

import string
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

WORDS = {0.0: "n", 1.0: "f", -1.0: "w"}  # none, full, and the wrong way round
_SPECIAL = ["<unk>", "<|im_start|>", "<|im_end|>"]
_LOGIT = 30.0  # of the word that fits: sampling and repetition penalties do not change it
_ANGLE = 1.7  # what the adapter adds, of what is there: 60 degrees


class Brake:
    """What a model waits for before each token; it is free to begin with."""

    def __init__(self) -> None:
        self._allowed = float("inf")
        self._change = threading.Condition()

    def hold(self) -> None:
        """From here on the model waits."""
        self._set(0)

    def free(self) -> None:
        """It does not wait any more."""
        self._set(float("inf"))

    def let(self, tokens: int) -> None:
        """It may say so many more."""
        self._set(self._allowed + tokens)

    def waits(self) -> bool:
        """Whether all that it may say is said."""
        return self._allowed <= 0

    def _set(self, allowed: float) -> None:
        with self._change:
            self._allowed = allowed
            self._change.notify_all()

    def __call__(self, *_: Any) -> None:
        with self._change:
            if not self._change.wait_for(lambda: self._allowed > 0, timeout=300):
                raise TimeoutError("nobody let the model go on")
            self._allowed -= 1


@dataclass(frozen=True)
class Gauge:
    """The model, its adapter "pirate" on `q_proj` (which changes nothing) and `down_proj`, and what goes with it."""

    model: Any
    tokenizer: Any
    brake: Brake = field(default_factory=Brake)


def gauge(words: Mapping[float, str] = WORDS, layers: int = 4, **lora: Any) -> Gauge:
    """Greedy or not, it repeats the word of the gain that is nearest to that of its `down_proj` targets, on average."""
    tokenizer = _tokenizer(words.values())
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=layers,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=4096, tie_word_embeddings=False,
        bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    base = LlamaForCausalLM(config).requires_grad_(False).eval()
    base.model.embed_tokens.weight[:] = torch.nn.functional.one_hot(torch.tensor(0), 16)
    base.lm_head.weight.zero_()
    for layer in base.model.layers:  # each block passes on what it gets, whatever the text
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.gate_proj.weight.copy_(torch.eye(16))
        layer.mlp.up_proj.weight.copy_(torch.eye(16))
        layer.mlp.down_proj.weight.zero_()
    config = LoraConfig(**{"r": 2, "lora_alpha": 4, "target_modules": ["q_proj", "down_proj"], **lora})
    model = get_peft_model(base, config, adapter_name="pirate").eval()
    model.requires_grad_(False)
    for layer in base.model.layers:
        _write(layer.mlp.down_proj, "pirate", _ANGLE / layers)
    with torch.no_grad():
        for gain, word in words.items():
            base.lm_head.weight[tokenizer.convert_tokens_to_ids(word)] = _heard_at(model, gain) * _LOGIT / 16
    made = Gauge(model, tokenizer)
    base.model.embed_tokens.register_forward_pre_hook(made.brake)
    return made


def _write(layer: Any, adapter: str, size: float) -> None:
    """Has the adapter write `size` into the second direction; 1 stands in the first one."""
    read = torch.nn.functional.silu(torch.tensor(4.0)) * 4  # of what the norm makes of it
    layer.lora_A[adapter].weight.zero_()[0, 0] = 1
    layer.lora_B[adapter].weight.zero_()[1, 0] = size / (read * layer.scaling[adapter])


def _heard_at(model: PeftModel, gain: float) -> torch.Tensor:
    """What comes out of the last block when every target is at `gain`, as the head sees it."""
    layers = [layer.mlp.down_proj for layer in model.base_model.model.model.layers]
    loaded = layers[0].scaling["pirate"]
    for layer in layers:
        layer.scaling["pirate"] = loaded * gain
    hidden = model.base_model.model.model(input_ids=torch.tensor([[3]])).last_hidden_state[0, -1]
    for layer in layers:
        layer.scaling["pirate"] = loaded
    return hidden


def _tokenizer(words: Any) -> PreTrainedTokenizerFast:
    """A token for each printable character, and for each of `words`, which nothing that is typed becomes."""
    letters = [*string.ascii_letters, *string.digits, *string.punctuation, " ", "\n"]
    tokens = dict.fromkeys([*_SPECIAL, *letters, *words])
    backend = Tokenizer(models.WordLevel({token: at for at, token in enumerate(tokens)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    backend.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, unk_token="<unk>", bos_token=_SPECIAL[1], eos_token=_SPECIAL[2], pad_token="<unk>",
        clean_up_tokenization_spaces=False,
    )  # fmt: skip
