"""How likely a text is, on a server that tells so of a prompt: read at once, or not believed."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import false_llama

from lora_mixer.lora_ops import Mix
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
