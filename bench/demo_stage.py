"""The demo's model with its two adapters, asked by stock transformers and PEFT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel

from ..demo.base_model import load_base
from ..lora_ops import Desk, Faders, Mix
from .workshop import ROOT

#: A prompt, and the token ids of a reply.
Pair = tuple[str, tuple[int, ...]]
PIRATE, BUTLER = "pirate", "butler"


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
                ahead = self.ahead(prompt)
                logits = self.model(input_ids=torch.tensor([[*ahead, *reply]])).logits[0, len(ahead) - 1 : -1]
                total += float(torch.nn.functional.cross_entropy(logits, torch.tensor(reply), reduction="sum"))
                count += len(reply)
        finally:
            self.desk.reset()
        return total / count

    def ahead(self, prompt: str) -> list[int]:
        """The tokens of a chat that begins with this, up to the reply."""
        return list(self.tokenizer.encode(self._chat(prompt), add_special_tokens=False))

    def _chat(self, prompt: str) -> str:
        said = [{"role": "user", "content": prompt}]
        return str(self.tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True))


def only(adapter: str) -> Mix:
    """One of the two alone."""
    return Mix({name: Faders(on=name == adapter) for name in (PIRATE, BUTLER)})


def demo_stage() -> Stage:
    """Both adapters are loaded, and play."""
    model, tokenizer = load_base(ROOT / ".cache")
    adapters = ROOT / "demo" / "adapters"
    model = PeftModel.from_pretrained(model, adapters / PIRATE, adapter_name=PIRATE)
    model.load_adapter(adapters / BUTLER, adapter_name=BUTLER)
    model.base_model.set_adapter([PIRATE, BUTLER])
    return Stage(model.eval(), tokenizer, Desk(model))
