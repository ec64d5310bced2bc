"""One batch says about texts what each mix says alone, token by token."""

from __future__ import annotations

import math
import threading
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.comparing import heard
from helpers.judged import CLOSE, REPLY, assert_judged, dora, some_mixes
from helpers.tiny import KINDS, Kind, mix_of

from lora_mixer.lora_ops import Cancelled, Desk, Mix
from lora_mixer.lora_ops.engines.peft import judging, reading
from lora_mixer.lora_ops.fade import Fade
from lora_mixer.lora_ops.lab.score import judge, score


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if "8-bit" not in kind.name and "4-bit" not in kind.name], ids=str
)
def test_a_batch_says_what_every_mix_says_token_by_token(kind: Kind):
    desk = Desk(kind.build())
    mixes = some_mixes(desk)
    assert_judged(desk, mixes, REPLY[:8], mixes[1])


@pytest.mark.parametrize(("bits", "rows"), [(8, 1.0), (4, 0.2)])
def test_low_precision_scores_nearly_the_same(bits: int, rows: float):
    desk = Desk(tiny.pirate(tiny.quantised(bits)))
    mixes = some_mixes(desk)
    together = judge(desk, tiny.prompt(), REPLY, mixes, mixes[0])
    for mix, one in zip(mixes, together, strict=True):
        [alone] = judge(desk, tiny.prompt(), REPLY, [mix], mix)
        assert one.perplexity == pytest.approx(alone.perplexity, rel=rows)


def test_each_mix_is_scored_on_what_each_said():
    desk = Desk(tiny.pirate())
    mixes = some_mixes(desk)
    replies = [REPLY, REPLY[:3], []]
    heard: list[tuple[int, int]] = []
    scores = score(desk, tiny.prompt(), replies, mixes, progress=lambda done, of: heard.append((done, of)))
    assert heard == [(1, 3), (2, 3), (3, 3)]
    for j, reply in enumerate(replies[:2]):
        for i, one in enumerate(judge(desk, tiny.prompt(), reply, mixes, mixes[j])):
            assert scores.logprobs[i][j] == pytest.approx(one.logprobs, **CLOSE)
            assert scores.perplexity[i][j] == pytest.approx(one.perplexity, **CLOSE)
            assert scores.divergence[i][j] == pytest.approx(one.divergence, **CLOSE)
            assert scores.agreement[i][j] == one.agreement
        assert scores.divergence[j][j] == 0
        assert all(scores.divergence[i][j] > 0 for i in range(3) if i != j)
    for i in range(3):
        assert scores.logprobs[i][2] == ()
        assert math.isnan(scores.perplexity[i][2]) and math.isnan(scores.divergence[i][2])


def test_greedy_replies_are_their_own_mix_s_choice():
    desk = Desk(tiny.pirate())
    mixes = some_mixes(desk)
    _, result = heard(desk, mixes)
    scores = score(desk, tiny.prompt(), [column.token_ids for column in result.columns], mixes)
    assert [scores.agreement[at][at] for at in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("build", [tiny.pirate, dora])
def test_a_mix_that_fades_is_scored_with_the_gains_that_each_token_had(build: Any):
    desk = Desk(build())
    fading = mix_of(fades={"master": Fade(((0, 0.0), (3, 1.5), (5, 1.5))), "kind:q_proj": Fade(((4, 2.0), (6, 0.5)))})
    mixes = [fading, Mix(), mix_of(fades={"layer:1": Fade(((2, 1.0), (3, 0.0)))})]
    generation = {"max_new_tokens": 12}
    _, result = heard(desk, mixes, generation)
    replies = [column.token_ids for column in result.columns]
    scores = score(desk, tiny.prompt(), replies, mixes)
    # Each said, greedily, what it finds likeliest at every single token: the gains were the same.
    assert [scores.agreement[at][at] for at in range(3)] == [1, 1, 1]
    assert scores.agreement[1][0] < 1
    assert desk.mix == Mix()


def test_the_desk_stands_where_it_stood():
    desk = Desk(tiny.pirate())
    stands = mix_of(master=0.5)
    desk.apply(stands)
    before, print_ = tiny.scalings(desk.engine.model), tiny.fingerprint(desk.engine.model)
    judge(desk, tiny.prompt(), REPLY, some_mixes(desk), Mix())
    assert (desk.mix, tiny.scalings(desk.engine.model), tiny.fingerprint(desk.engine.model)) == (stands, before, print_)


def test_it_waits_for_the_lock_and_can_be_called_off():
    lock = threading.Lock()
    desk = Desk(tiny.pirate(), lock)
    with lock:
        with pytest.raises(Cancelled):
            judge(desk, tiny.prompt(), REPLY, [Mix()], Mix(), cancelled=lambda: True)
        assert judge(desk, tiny.prompt(), REPLY, [Mix()], Mix(), locked=True)[0].divergence == 0
    judge(desk, tiny.prompt(), REPLY, [Mix()], Mix())
    assert not lock.locked()


def test_bad_input_is_told():
    desk = Desk(tiny.pirate())
    with pytest.raises(ValueError, match="2 texts and 1 mixes"):
        score(desk, tiny.prompt(), [REPLY, REPLY], [Mix()])
    with pytest.raises(ValueError, match="one row of tokens"):
        judge(desk, tiny.prompt(rows=2), REPLY, [Mix()], Mix())
    with pytest.raises(ValueError, match="this model reads 256: shorten"):
        judge(desk, tiny.prompt(), [5] * 300, [Mix()], Mix())
    with pytest.raises(ValueError, match="no adapter 'parrot'"):
        judge(desk, tiny.prompt(), REPLY, [mix_of("parrot")], Mix())


def test_what_the_reference_rules_out_makes_no_nan():
    said = torch.tensor([[[0.0, -math.inf, 1.0]], [[0.5, -math.inf, 0.0]]])
    desk = Desk(tiny.pirate())
    tally = judging._Tally(reading.Text(desk.engine.model, tiny.prompt(), [2]), 2, 0)
    tally.take(reading.Piece(0, 1, 1, 0, True), said)
    assert 0 < tally.judgement(1).divergence < 10
