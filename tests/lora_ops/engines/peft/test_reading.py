"""Reading a text in pieces, after a prompt that is read once."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import tiny
from helpers.judged import CLOSE, REPLY, assert_judged, dora, some_mixes

from lora_mixer.lora_ops import Desk, Mix
from lora_mixer.lora_ops.engines.peft import reading
from lora_mixer.lora_ops.lab import score as scoring
from lora_mixer.lora_ops.lab.score import judge, score


@pytest.mark.parametrize("build", [tiny.pirate, lambda: tiny.pirate(use_dora=True), lambda: tiny.pirate(tiny.opt())])
def test_a_prompt_is_read_once_for_all_texts(build: Any, monkeypatch: pytest.MonkeyPatch):
    desk = Desk(build())
    mixes = some_mixes(desk)
    starts: list[int] = []
    read = reading.Text.read

    def noted(self: Any, piece: Any, rows: int, cache: Any) -> Any:
        starts.append(piece.start)
        return read(self, piece, rows, cache)

    monkeypatch.setattr(reading.Text, "read", noted)
    replies = [REPLY, REPLY[:1], [], REPLY[3:9]]
    scores = score(desk, tiny.prompt(), replies, [*mixes, Mix()])
    passes = len(starts) // 4  # the prompt, and three texts that are not empty
    assert starts.count(0) == passes in (1, 4)
    for j in (0, 1, 3):
        for i, one in enumerate(judge(desk, tiny.prompt(), replies[j], [*mixes, Mix()], [*mixes, Mix()][j])):
            assert scores.logprobs[i][j] == pytest.approx(one.logprobs, **CLOSE)
            assert scores.divergence[i][j] == pytest.approx(one.divergence, **CLOSE)


def test_a_cache_that_cannot_be_cut_back_is_not_kept(monkeypatch: pytest.MonkeyPatch):
    desk = Desk(tiny.pirate())
    mixes = some_mixes(desk)
    expected = score(desk, tiny.prompt(), [REPLY] * 3, mixes)
    monkeypatch.setattr(reading, "_can_be_cut", lambda cache: False)
    found = score(desk, tiny.prompt(), [REPLY] * 3, mixes)
    for one, other in zip(found.perplexity, expected.perplexity, strict=True):
        assert one == pytest.approx(other, **CLOSE)


LIMITS = [
    {"MAX_LOGITS": 3 * tiny.VOCABULARY * 4},
    {"MAX_TOKENS": 9},
    {"MAX_ROWS": 2},
    {"MAX_LOGITS": 1, "MAX_TOKENS": 1},
]


def conv1d() -> Any:
    return tiny.pirate(tiny.gpt2(), target_modules=["c_attn", "c_proj"], fan_in_fan_out=True)


@pytest.mark.parametrize("build", [tiny.pirate, conv1d, dora])
@pytest.mark.parametrize("limits", LIMITS)
def test_pieces_and_smaller_batches_change_nothing(build: Any, limits: dict[str, int], monkeypatch: pytest.MonkeyPatch):
    desk = Desk(build())
    mixes = some_mixes(desk)
    for name, limit in limits.items():
        monkeypatch.setattr(scoring if name == "MAX_ROWS" else reading, name, limit)
    assert_judged(desk, mixes, REPLY[:7], mixes[2])
    assert_judged(desk, mixes[:2], REPLY[:7], mixes[2])
