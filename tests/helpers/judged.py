"""How likely a text is, by one whole pass a mix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from helpers import tiny

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.lab.score import judge

CLOSE: dict[str, Any] = {"rel": 1e-3, "abs": 1e-4}
REPLY = tiny.ids_of("aye, the sea, the sea")


def some_mixes(desk: Desk) -> list[Mix]:
    adapter = next(iter(desk.adapters.values()))
    every = Faders(master=0.6, kinds={adapter.kinds[0]: 1.7}, modules={adapter.scalable[-1].name: 0.25})
    return [Mix(), desk.base(), Mix({adapter.name: every})]


def one_by_one(desk: Desk, mix: Mix, reply: Sequence[int], text: str = "Ahoy there") -> torch.Tensor:
    """The log-probabilities of the whole vocabulary at each token, every token with a pass of its own and no cache."""
    ids = tiny.ids_of(text)
    said = []
    for at in range(len(reply)):
        desk.apply(mix.at(at))
        said.append(tiny.logits(desk.engine.model, torch.tensor([[*ids, *reply[:at]]]))[0, -1].log_softmax(-1))
    desk.reset()
    return torch.stack(said)


def assert_judged(desk: Desk, mixes: Sequence[Mix], reply: Sequence[int], reference: Mix, **options: Any) -> None:
    expected = [one_by_one(desk, mix, reply) for mix in mixes]
    held_against = one_by_one(desk, reference, reply)
    for one, logprobs in zip(judge(desk, tiny.prompt(), reply, mixes, reference, **options), expected, strict=True):
        tokens = torch.tensor([list(reply)]).T
        of_tokens = logprobs.gather(-1, tokens)[:, 0]
        assert one.logprobs == pytest.approx(of_tokens.tolist(), **CLOSE)
        assert one.perplexity == pytest.approx(math.exp(-of_tokens.mean()), **CLOSE)
        assert one.agreement == (logprobs.argmax(-1) == tokens[:, 0]).float().mean()
        far = (held_against.exp() * (held_against - logprobs)).sum(-1).mean()
        assert one.divergence == pytest.approx(float(far), **CLOSE)


def dora() -> Any:
    return tiny.pirate(use_dora=True)
