"""The numbers behind the charts are those of each gain alone."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.comparing import generated, heard

from lora_mixer.lora_ops import Cancelled, Desk, Faders, Mix
from lora_mixer.lora_ops.lab.curves import Curve, Point, curve, likelihood_curve, yardstick
from lora_mixer.lora_ops.lab.sweep import parse_axis

GREEDY = {"max_new_tokens": 12, "do_sample": False}
TEXT = "aye, the sea"


@pytest.fixture
def desk() -> Desk:
    return Desk(tiny.pirate())


def drawn(desk: Desk, text: str, base: Mix | None = None, **options: Any) -> Curve:
    base = base or Mix()
    axis = parse_axis(text, desk, base)
    return curve(desk, tiny.tokenizer(), tiny.prompt(), axis, base, generation=GREEDY, **options)


def mean_logprob(desk: Desk, mix: Mix, prompt: list[int], ids: list[int]) -> float:
    desk.apply(mix)
    said = tiny.logits(desk.engine.model, torch.tensor([prompt + ids]))[0, len(prompt) - 1 : -1].log_softmax(-1)
    desk.reset()
    return float(said.gather(-1, torch.tensor([ids]).T).mean())


def test_the_as_loaded_reply_is_judged_at_every_gain(desk: Desk):
    found = drawn(desk, "master 1.5, 0, 1")
    assert [point.gain for point in found.points] == [0, 1, 1.5]
    zero, one, more = found.points
    assert zero.divergence == 0 < one.divergence
    assert one.agreement == 1 > more.agreement
    assert all(point.perplexity == pytest.approx(math.exp(-point.mean_logprob)) for point in found.points)
    assert (zero.length, zero.own_perplexity, found.label) == (None, None, "master")
    reply = list(generated(desk.engine.model, GREEDY))
    assert found.tokens == len(reply)
    for point in found.points:
        mix = tiny.mix_of(master=point.gain)
        expected = mean_logprob(desk, mix, tiny.ids_of("Ahoy there"), reply)
        assert point.mean_logprob == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_replies_that_are_known_are_measured_and_not_generated(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    axis = parse_axis("master 2, 1, 0", desk, Mix())
    _, result = heard(desk, axis.mixes(Mix()), GREEDY)
    replies = [column.token_ids for column in result.columns]
    expected = drawn(desk, "master 2, 1, 0")
    monkeypatch.setattr("lora_mixer.lora_ops.lab.curves.compare", None)
    found = drawn(desk, "master 2, 1, 0", replies=[replies[0], replies[1], ()])
    assert [point.length for point in found.points] == [0, len(replies[1]), len(replies[0])]
    assert [point.own_perplexity is None for point in found.points] == [True, False, False]
    for one, other in zip(found.points, expected.points, strict=True):
        assert one.mean_logprob == pytest.approx(other.mean_logprob, rel=1e-3, abs=1e-4)
    assert found.points[1].own_perplexity == pytest.approx(found.points[1].perplexity, rel=1e-3)


def test_the_rest_of_the_mix_stays(desk: Desk):
    base = Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.0, "down_proj": 3.0})})
    axis = parse_axis("down_proj 0, 2", desk, base)
    assert yardstick(axis, base) == Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.0})})
    reply = tiny.ids_of(TEXT)
    found = drawn(desk, "down_proj 0, 2", base, reply=reply)
    mixes = [Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.0, "down_proj": gain})}) for gain in (0.0, 2.0)]
    for point, mix in zip(found.points, mixes, strict=True):
        expected = mean_logprob(desk, mix, tiny.ids_of("Ahoy there"), reply)
        assert point.mean_logprob == pytest.approx(expected, rel=1e-3, abs=1e-4)
        assert point.divergence > 0


def test_a_text_of_ones_own_stands_alone_or_answers_a_prompt(desk: Desk):
    axis = parse_axis("master 0 to 2 in 0.5", desk, Mix())
    ids = tiny.ids_of(TEXT)
    for input_ids, prompt, rest in ((None, ids[:1], ids[1:]), (tiny.prompt(), tiny.ids_of("Ahoy there"), ids)):
        found = likelihood_curve(desk, tiny.tokenizer(), TEXT, axis, Mix(), input_ids=input_ids)
        assert found.tokens == len(rest)
        for point in found.points:
            expected = mean_logprob(desk, tiny.mix_of(master=point.gain), prompt, rest)
            assert point.mean_logprob == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_the_best_gain_is_where_more_stops_helping():
    def rising(*likely: float) -> Curve:
        return Curve("master", tuple(Point(at, each, math.exp(-each), 0, 0) for at, each in enumerate(likely)), 5)

    assert (rising(-3, -1, -2).best.gain, rising(-3, -1, -2).turns) == (1, True)
    assert (rising(-3, -2, -1).best.gain, rising(-3, -2, -1).turns) == (2, False)
    assert (rising(-1, -1).best.gain, rising(-1, -1).turns) == (0, True)


def test_what_cannot_be_drawn_is_told(desk: Desk):
    for text in ("each kind off", "master 1"):
        with pytest.raises(ValueError, match="a chart needs one sweep over several gains"):
            drawn(desk, text)
    with pytest.raises(ValueError, match="1 replies to 2 gains"):
        drawn(desk, "master 0, 2", replies=[()])
    with pytest.raises(ValueError, match="says nothing to this prompt"):
        drawn(desk, "master 0, 2", reply=[])
    axis = parse_axis("master 0, 1", desk, Mix())
    for text in ("", "  ", "t"):
        with pytest.raises(ValueError, match="too short"):
            likelihood_curve(desk, tiny.tokenizer(), text, axis, Mix())
    with pytest.raises(ValueError, match="this model reads 256"):
        likelihood_curve(desk, tiny.tokenizer(), "sea " * 200, axis, Mix())
    with pytest.raises(Cancelled):
        drawn(desk, "master 0, 1", cancelled=lambda: True)
    assert desk.mix == Mix()
