"""What gains are learned for, on logits made up: the mean over tokens, however lessons are put into batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from lora_mixer.lora_ops.engines.lesson import Lesson
from lora_mixer.lora_ops.engines.peft import aims
from lora_mixer.lora_ops.engines.peft.aims import Likely, Preferred, Sheet, Unchanged

VOCABULARY = 12
LESSONS = [Lesson((1, 2, 3), (4, 5)), Lesson((6,), (7, 8, 9, 10)), Lesson((2, 4), (11,))]


def says(salt: int) -> Callable[[Sheet], torch.Tensor]:
    """A model that knows the last token alone, so that a batch changes nothing: logits of a sheet's positions."""
    table = torch.randn((VOCABULARY, VOCABULARY), generator=torch.Generator().manual_seed(salt)) * 2
    return lambda sheet: table[sheet.ids][:, sheet.first : -1]


def logprobs(lesson: Lesson, model: Callable[[Sheet], torch.Tensor]) -> list[float]:
    """Of the reply's tokens, one by one and without a sheet's help."""
    ids = [*lesson.prompt, *lesson.reply]
    table = model(Sheet(torch.arange(VOCABULARY + 1)[None] % VOCABULARY, torch.tensor(0), 0, torch.tensor(0)))[0]
    start = len(lesson.prompt)
    return [float(table[ids[at - 1]].log_softmax(-1)[ids[at]]) for at in range(start, len(ids))]


def whole(aim: Any, model: Callable[[Sheet], torch.Tensor], batches: Sequence[Sequence[int]]) -> float:
    """The loss, in batches of groups."""
    total = 0.0
    for at in batches:
        sheet = Sheet.of([lesson for place in at for lesson in aim.groups[place]], "cpu")
        aim.prepare(at, sheet)
        total += float(aim.loss(at, sheet, lambda sheet=sheet: model(sheet)))
    return total


BATCHES = [[[0, 1, 2]], [[0], [1], [2]], [[2, 0], [1]]]


def test_a_sheet_has_each_token_of_a_reply_where_it_is_foretold():
    sheet = Sheet.of(LESSONS, "cpu")
    assert sheet.ids.tolist() == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [2, 4, 11, 0, 0]]
    assert sheet.attention.tolist() == [[1] * 5, [1] * 5, [1, 1, 1, 0, 0]]
    assert sheet.first == 0 and sheet.replies.tolist() == [[-1, -1, 4, 5], [7, 8, 9, 10], [-1, 11, -1, -1]]
    later = Sheet.of([LESSONS[0], LESSONS[2]], "cpu")
    assert later.first == 1 and later.replies.tolist() == [[-1, 4, 5], [11, -1, -1]]


def test_a_sheet_s_likelihoods_are_those_of_each_reply():
    model, sheet = says(1), Sheet.of(LESSONS, "cpu")
    found = sheet.logprobs(model(sheet))
    for row, lesson in enumerate(LESSONS):
        assert found[row][sheet.replies[row] >= 0].tolist() == pytest.approx(logprobs(lesson, model), abs=1e-5)
    assert not found[sheet.replies < 0].any()


@pytest.mark.parametrize("batches", BATCHES, ids=str)
def test_likely_is_the_mean_surprise_of_a_token(batches: list[list[int]]):
    tokens = [one for lesson in LESSONS for one in logprobs(lesson, says(1))]
    assert whole(Likely(LESSONS), says(1), batches) == pytest.approx(-sum(tokens) / len(tokens), abs=1e-5)


@pytest.mark.parametrize("batches", BATCHES, ids=str)
def test_unchanged_is_the_mean_divergence_from_the_base_and_nothing_at_the_base(batches: list[list[int]]):
    aim = Unchanged(LESSONS, says(1))
    base, now = (
        torch.cat([model(sheet)[0] for lesson in LESSONS for sheet in [Sheet.of([lesson], "cpu")]])
        for model in (says(1), says(2))
    )
    wanted = (base.softmax(-1) * (base.log_softmax(-1) - now.log_softmax(-1))).sum(-1).mean()
    assert whole(aim, says(2), batches) == pytest.approx(float(wanted), abs=1e-5)
    assert whole(aim, says(1), batches) == pytest.approx(0, abs=1e-6)


def test_what_the_base_rules_out_counts_for_nothing_whatever_is_said_of_it_now():
    def ruled_out(sheet: Sheet) -> torch.Tensor:
        return says(1)(sheet).index_fill(-1, torch.tensor([3]), -math.inf)

    assert whole(Unchanged(LESSONS, ruled_out), ruled_out, [[0, 1, 2]]) == pytest.approx(0, abs=1e-6)
    far = whole(Unchanged(LESSONS, ruled_out), says(2), [[0, 1, 2]])
    assert math.isfinite(far) and far > 0


@pytest.mark.parametrize("room, reads", [(2**20, 3), (0, 6), (4 * VOCABULARY, 5)])
def test_what_the_base_said_is_kept_as_far_as_there_is_room(room: int, reads: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(aims, "_MOST_KEPT", room)
    read: list[int] = []

    def base(sheet: Sheet) -> torch.Tensor:
        read.append(len(sheet.ids))
        return says(1)(sheet)

    aim = Unchanged(LESSONS, base)
    one, other = (whole(aim, says(2), [[1], [0], [2]]) for _ in range(2))
    assert one == other and len(read) == reads


def test_votes_are_a_coin_s_throw_at_the_start_and_less_surprising_where_the_better_gained():
    pairs = [(LESSONS[0], LESSONS[1]), (LESSONS[1], LESSONS[2])]
    logs = [tuple(sum(logprobs(lesson, says(1))) for lesson in pair) for pair in pairs]
    for batches in ([[0, 1]], [[1], [0]]):
        assert whole(Preferred(pairs, logs), says(1), batches) == pytest.approx(math.log(2), abs=1e-5)
        ahead = whole(Preferred(pairs, [(one - 3, other) for one, other in logs]), says(1), batches)
        behind = whole(Preferred(pairs, [(one + 3, other) for one, other in logs]), says(1), batches)
        assert ahead == pytest.approx(math.log1p(math.exp(-0.3)), abs=1e-5)
        assert behind == pytest.approx(math.log1p(math.exp(0.3)), abs=1e-5)


def test_a_greater_beta_lets_one_vote_pull_further():
    pair = [(LESSONS[0], LESSONS[1])]
    logs = [tuple(sum(logprobs(lesson, says(1))) for lesson in pair[0])]
    ahead = [(logs[0][0] - 3, logs[0][1])]
    mild, strong = (whole(Preferred(pair, ahead, beta), says(1), [[0]]) for beta in (0.1, 1.0))
    assert strong == pytest.approx(math.log1p(math.exp(-3)), abs=1e-5) and strong < mild
