"""One batch says about texts what each mix says alone, token by token."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.comparing import heard
from helpers.tiny import KINDS, Kind, mix_of, some
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Cancelled, Desk, Faders, Mix
from lora_mixer.lora_ops.engines.peft import judging, reading
from lora_mixer.lora_ops.fade import Fade
from lora_mixer.lora_ops.lab import score as scoring
from lora_mixer.lora_ops.lab.score import judge, score

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


def test_greedy_replies_are_their_own_mix_s_choice():
    desk = Desk(tiny.pirate())
    mixes = some_mixes(desk)
    _, result = heard(desk, mixes)
    scores = score(desk, tiny.prompt(), [column.token_ids for column in result.columns], mixes)
    assert [scores.agreement[at][at] for at in range(3)] == [1, 1, 1]


@given(mixes=st.lists(tiny.mixes(Desk(tiny.pirate()).adapters.values()), min_size=1, max_size=3), at=st.integers(0, 9))
@some
def test_any_mixes_judge_in_a_batch_as_alone(mixes: list[Mix], at: int):
    desk = Desk(_MODEL)
    reference = mixes[at % len(mixes)]
    together = judge(desk, tiny.prompt(), REPLY, mixes, reference)
    for mix, one in zip(mixes, together, strict=True):
        [alone] = judge(desk, tiny.prompt(), REPLY, [mix], reference)
        assert one.logprobs == pytest.approx(alone.logprobs, rel=1e-2, abs=1e-2)
        assert one.divergence >= 0
        assert all(logprob <= 0 for logprob in one.logprobs)


_MODEL = tiny.pirate()


LIMITS = [
    {"MAX_LOGITS": 3 * tiny.VOCABULARY * 4},
    {"MAX_TOKENS": 9},
    {"MAX_ROWS": 2},
    {"MAX_LOGITS": 1, "MAX_TOKENS": 1},
]


def dora() -> Any:
    return tiny.pirate(use_dora=True)


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


def test_memory_that_holds_fewer_mixes_means_smaller_batches(monkeypatch: pytest.MonkeyPatch):
    desk = Desk(tiny.pirate())
    mixes = [mix_of(master=gain / 4) for gain in range(7)]
    expected = judge(desk, tiny.prompt(), REPLY, mixes, Mix())
    sizes: list[int] = []
    read = reading.Text.read

    def small(self: Any, piece: Any, rows: int, cache: Any) -> Any:
        sizes.append(rows)
        if rows > 3:
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
            )
        return read(self, piece, rows, cache)

    monkeypatch.setattr(reading.Text, "read", small)
    before = tiny.scalings(desk.engine.model)
    for one, other in zip(judge(desk, tiny.prompt(), REPLY, mixes, Mix()), expected, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, **CLOSE)
    assert sizes == [8, 5, 3, 3, 3, 2]
    assert tiny.same_objects(before, tiny.scalings(desk.engine.model))
    monkeypatch.setattr(reading.Text, "read", lambda *_: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(RuntimeError, match="not enough memory to score"):
        judge(desk, tiny.prompt(), REPLY, mixes, Mix())


def test_another_error_is_not_taken_for_missing_memory(monkeypatch: pytest.MonkeyPatch):
    desk = Desk(tiny.pirate())
    monkeypatch.setattr(reading.Text, "read", lambda *_: (_ for _ in ()).throw(RuntimeError("no such kernel")))
    with pytest.raises(RuntimeError, match="no such kernel"):
        judge(desk, tiny.prompt(), REPLY, [Mix()], Mix())


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
