"""How likely a text is, as a server tells it of a prompt."""

from __future__ import annotations

import math

import pytest
from helpers.false_vllm import PROMPT, logits

from lora_mixer.lora_ops import Desk, score
from lora_mixer.lora_ops.engines import vllm


def test_likelihoods_are_the_models(engine: vllm.VllmEngine) -> None:
    desk = Desk(engine)
    text = [3, 1, 4, 1, 5]
    found = score(desk, PROMPT, [text], [desk.base()])
    wanted = [logits({}, [*PROMPT, *text[:at]])[id] for at, id in enumerate(text)]
    assert found.logprobs[0][0] == pytest.approx(wanted)
    assert math.isnan(found.divergence[0][0]) and engine.why_not("divergence")


def test_a_text_that_the_context_does_not_hold_is_refused(engine: vllm.VllmEngine) -> None:
    with pytest.raises(ValueError, match="shorten"):
        score(Desk(engine), PROMPT, [[1] * 190], [Desk(engine).base()])
