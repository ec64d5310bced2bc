"""How likely a text is, as a server tells it: of the tokens that it says, or of a prompt, or not believed."""

from __future__ import annotations

import math
from typing import Any

import pytest
from helpers import false_llama
from helpers.llama import Llama, asked

from lora_mixer.lora_ops import Desk, Faders, Mix, score
from lora_mixer.lora_ops.engines import llama_server
from lora_mixer.lora_ops.engines.llama_server import LlamaServerError


def likely(id: int, logprob: float, top: int) -> dict[str, Any]:
    """As TextGen's build of llama.cpp tells of one token of a prompt."""
    best = {"id": top, "token": "x", "bytes": [], "logprob": -0.1}
    return {"id": id, "token": "x", "bytes": [], "logprob": logprob, "top_logprobs": [best]}


TOLD = [likely(6, -0.5, 6), likely(7, -1.5, 9)]


def test_a_server_that_tells_of_prompts_reads_a_text_at_once() -> None:
    with false_llama.answering({"/completion": {"content": "", "prompt_probabilities": TOLD}}) as url:
        engine = llama_server.connect(url)
        assert engine.why_not("scores") == "" == engine.differs("scores")
        reader = engine.reader([5], lambda: False, lambda mixes: engine.rows(mixes), keep=False)
        (judged,) = reader.judge([6, 7], [Mix()], Mix())
        assert judged.logprobs == (-0.5, -1.5) and judged.agreement == 0.5
        with pytest.raises(LlamaServerError, match="no probabilities that can be read"):
            reader.judge([8, 7], [Mix()], Mix())


@pytest.mark.parametrize("told", [[], TOLD[:1], [likely(1, -0.5, 1), TOLD[1]], "nonsense", [{}, {}]])
def test_an_answer_of_another_form_is_not_taken_for_one(told: Any) -> None:
    with false_llama.answering({"/completion": {"content": "", "prompt_probabilities": told}}) as url:
        assert "does not tell how likely" in llama_server.connect(url).why_not("scores")


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
