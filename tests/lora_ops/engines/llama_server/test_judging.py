"""How likely a text is, as a server tells it."""

from __future__ import annotations

import math

import pytest
from helpers.llama import Llama, asked

from lora_mixer.lora_ops import Desk, Faders, Mix, score


def test_likelihoods_are_those_of_the_tokens_as_they_are_said(llama: Llama) -> None:
    desk = Desk(llama.engine())
    text = [9531, 198, 2, 17]  # with a special token in the middle
    mix = Mix({"pirate": Faders(master=0.5), "butler": Faders(on=False)})
    [[found]] = score(desk, llama.prompt, [text], [mix]).logprobs
    for at, id in enumerate(text):
        body = {"prompt": [*llama.prompt, *text[:at]], "n_predict": 1, "temperature": 0, "n_probs": 49152}
        told = asked(llama.server, "/completion", body | {"lora": desk.engine.lora(mix), "cache_prompt": False})
        every = {one["id"]: one["logprob"] for one in told["completion_probabilities"][0]["top_logprobs"]}
        # A base in 4 bits rounds a text that is read in one piece otherwise than token by token: seen up to 0.01.
        assert found[at] == pytest.approx(every[id], abs=0.05)
    assert math.isnan(score(desk, llama.prompt, [text], [mix]).divergence[0][0]) and desk.engine.why_not("divergence")
    assert asked(llama.server, "/health") == {"status": "ok"}
