"""What learning is held against: an adapter part of which is noise, and what a model says under a mix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from peft.tuners.lora import LoraLayer

from ..lora_ops import Desk, Mix

#: A prompt, and the token ids of a reply.
Pair = tuple[str, tuple[int, ...]]


@dataclass
class Stage:
    """A model with its adapters, asked by stock transformers and PEFT."""

    model: Any
    tokenizer: Any
    desk: Desk

    def replies(self, mix: Mix, prompts: Sequence[str], tokens: int, sampled: bool = False) -> list[Pair]:
        """Each prompt with the reply that the model gives under this mix: its likeliest words, or drawn by chance."""
        given = self.tokenizer(
            [self._chat(prompt) for prompt in prompts], return_tensors="pt", padding=True, add_special_tokens=False
        )
        how: dict[str, Any] = {"do_sample": True, "top_k": 0, "top_p": 1.0} if sampled else {"do_sample": False}
        torch.manual_seed(1)
        with self.desk.rows([mix] * len(prompts)), torch.no_grad():
            out = self.model.generate(**given, max_new_tokens=tokens, **how)
        end = self.tokenizer.eos_token_id
        rows = out[:, given["input_ids"].shape[1] :].tolist()
        return [
            (prompt, tuple(row[: row.index(end)] if end in row else row))
            for prompt, row in zip(prompts, rows, strict=True)
        ]

    @torch.no_grad()
    def nats(self, pairs: Sequence[Pair], mix: Mix) -> float:
        """How surprising these replies are under a mix, per token: a plain pass, a reply at a time."""
        self.desk.apply(mix)
        total = count = 0.0
        try:
            for prompt, reply in pairs:
                ahead = self.tokenizer.encode(self._chat(prompt), add_special_tokens=False)
                logits = self.model(input_ids=torch.tensor([[*ahead, *reply]])).logits[0, len(ahead) - 1 : -1]
                total += float(torch.nn.functional.cross_entropy(logits, torch.tensor(reply), reduction="sum"))
                count += len(reply)
        finally:
            self.desk.reset()
        return total / count

    def _chat(self, prompt: str) -> str:
        said = [{"role": "user", "content": prompt}]
        return str(self.tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True))


@contextmanager
def spoiled(model: Any, adapter: str, targets: int, louder: float, seed: int) -> Iterator[set[str]]:
    """Inside the block so many targets of an adapter are noise, so many times as large as what they were.

    Gives their names. Noise is a product of two matrices of random numbers, as spread as those were.
    """
    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, LoraLayer)]
    layers = [(name.removeprefix("base_model.model."), layer) for name, layer in layers if adapter in layer.lora_A]
    chance = torch.Generator().manual_seed(seed)
    chosen = [layers[at] for at in torch.randperm(len(layers), generator=chance)[:targets].tolist()]
    weights = [(layer.lora_A[adapter].weight, layer.lora_B[adapter].weight) for _, layer in chosen]
    before = [(down.detach().clone(), up.detach().clone()) for down, up in weights]
    with torch.no_grad():
        for down, up in weights:
            loud = (up @ down).norm()
            for weight in (down, up):
                weight.copy_(torch.randn(weight.shape, generator=chance) * weight.std())
            up.mul_(louder * loud / (up @ down).norm())
    try:
        yield {name for name, _ in chosen}
    finally:
        with torch.no_grad():
            for (down, up), (first, second) in zip(weights, before, strict=True):
                down.copy_(first)
                up.copy_(second)


def below(low: Sequence[float], high: Sequence[float]) -> float:
    """How often one of the first is below one of the second (the area under the ROC curve); a tie counts half."""
    return sum((a < b) + 0.5 * (a == b) for a in low for b in high) / (len(low) * len(high))
