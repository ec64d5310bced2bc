"""Comparing: every column says exactly what it would say alone, live, and the desk comes back however it ends."""

from __future__ import annotations

import gc
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import heard, mix_of, some
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from lora_mixer.lora_ops import Column, Desk, Faders, Mix, Run, Update, compare

SETTINGS: list[dict[str, Any]] = [
    {"do_sample": False},
    {"do_sample": False, "repetition_penalty": 1.4},
    {"do_sample": True, "temperature": 0.7},
    {"do_sample": True, "temperature": 1.5, "top_k": 20},
    {"do_sample": True, "top_p": 0.8},
    {"do_sample": True, "temperature": 2.0, "min_p": 0.1},
    {"do_sample": True, "temperature": 1.2, "top_p": 0.9, "repetition_penalty": 1.2, "no_repeat_ngram_size": 3},
    {"do_sample": True, "temperature": 2.0, "eos_token_id": list(range(40, 60))},
]


def three(desk: Desk) -> list[Mix]:
    return [Mix(), desk.base(), mix_of(master=0.5, kinds={"q_proj": 2.0}, layers={1: -1.0})]


# What columns say


@pytest.mark.parametrize("generation", SETTINGS, ids=str)
@pytest.mark.parametrize("seed", [0, 12345])
def test_columns_of_one_batch_say_what_each_says_alone_and_what_generate_says(generation: dict[str, Any], seed: int):
    model = tiny.two()
    desk = Desk(model)
    _, together = heard(desk, three(desk), generation, seed=seed)
    assert together.batched and together.why_not_batched == ""
    for column in together.columns:
        _, alone = heard(desk, [column.mix], generation, seed=seed)
        assert alone.columns[0].token_ids == column.token_ids
        assert (alone.columns[0].text, alone.columns[0].finish) == (column.text, column.finish)
        desk.apply(column.mix)
        assert tiny.generated(model, generation, seed=seed) == column.token_ids
        desk.reset()
    _, after_each_other = heard(desk, three(desk), generation, seed=seed, batched=False)
    assert [column.token_ids for column in after_each_other.columns] == [
        column.token_ids for column in together.columns
    ]


@given(data=st.data())
@some
def test_columns_of_any_mixes_say_what_each_says_alone(data: st.DataObject):
    desk = _two()
    mixes = data.draw(st.lists(tiny.mixes(desk.adapters.values(), st.floats(-1.5, 1.5)), min_size=2, max_size=4))
    seed = data.draw(st.integers(0, 2**63 - 1))
    generation = {"do_sample": True, "temperature": data.draw(st.floats(0.3, 2.0)), "max_new_tokens": 6}
    _, together = heard(desk, mixes, generation, seed=seed)
    for mix, column in zip(mixes, together.columns, strict=True):
        assert heard(desk, [mix], generation, seed=seed)[1].columns[0].token_ids == column.token_ids


def _two(made: list[Any] = []) -> Desk:  # noqa: B006 - made once for all examples
    if not made:
        made.append(Desk(tiny.two()))
    return made[0]


@pytest.mark.parametrize("kind", [kind for kind in tiny.KINDS if "8-bit" not in kind.name], ids=str)
def test_every_kind_of_adapter_says_in_a_comparison_what_it_says_alone(kind: tiny.Kind):
    model = kind.build()
    desk = Desk(model)
    generation = {"do_sample": True, "temperature": 0.8, "max_new_tokens": 6}
    _, result = heard(desk, [Mix(), desk.base()], generation)
    assert result.batched is kind.rows
    assert bool(result.why_not_batched) is not kind.rows
    for column in result.columns:
        desk.apply(column.mix)
        assert tiny.generated(model, generation) == column.token_ids
        desk.reset()


@pytest.mark.parametrize("generation", SETTINGS[:4], ids=str)
def test_the_same_mix_twice_says_the_same(generation: dict[str, Any]):
    desk = Desk(tiny.two())
    mix = mix_of(master=0.5)
    for mixes in ([mix, mix], [mix, Mix(), mix]):
        _, result = heard(desk, mixes, generation)
        assert result.columns[0].token_ids == result.columns[-1].token_ids


def test_columns_differ_when_their_mixes_do():
    desk = Desk(tiny.two())
    _, result = heard(desk, three(desk))
    assert len({column.token_ids for column in result.columns}) == 3


def test_the_faders_do_not_matter_to_the_columns():
    desk = Desk(tiny.two())
    _, expected = heard(desk, three(desk))
    desk.apply(mix_of(master=-3.0))
    _, result = heard(desk, three(desk))
    assert [column.token_ids for column in result.columns] == [column.token_ids for column in expected.columns]
    assert desk.mix == mix_of(master=-3.0)


def test_the_result_tells_what_was_asked_and_how_it_went():
    desk = Desk(tiny.two())
    mixes = three(desk)
    run = compare(
        desk,
        tiny.tokenizer(),
        tiny.prompt(),
        [Column("loud", mixes[0]), Column("base", mixes[1])],
        seed=11,
        generation={"max_new_tokens": 5, "do_sample": False},
    )
    updates = list(run)
    result = run.result
    assert [column.label for column in result.columns] == ["loud", "base"]
    assert [column.mix for column in result.columns] == mixes[:2]
    assert result.seed == 11
    assert [column.finish for column in result.columns] == ["length", "length"]
    assert all(len(column.token_ids) == 5 for column in result.columns)
    assert result.seconds > 0
    assert all(column.tokens_per_second == 5 / column.seconds for column in result.columns)
    assert updates[-1].texts == tuple(column.text for column in result.columns)
    assert updates[-1].tokens == (5, 5)
    assert updates[-1].finished == (True, True)


# Ends


def ends_in_one_row(desk: Desk, mixes: list[Mix], generation: dict[str, Any]) -> tuple[int, int]:
    """A token that the first column says before its last and the second never, and where."""
    _, result = heard(desk, mixes, generation)
    first, second = (column.token_ids for column in result.columns[:2])
    return next(
        (token, at) for at, token in enumerate(first[1:-1], 1) if token not in second and token not in first[:at]
    )


@pytest.mark.parametrize("generation", [{"do_sample": False}, {"do_sample": True, "temperature": 1.2}], ids=str)
def test_a_row_that_ends_early_leaves_the_others_going(generation: dict[str, Any]):
    desk = Desk(tiny.two())
    mixes = [Mix(), desk.base()]
    token, at = ends_in_one_row(desk, mixes, generation)
    _, whole = heard(desk, mixes, generation)
    updates, result = heard(desk, mixes, {**generation, "eos_token_id": token}, in_step=True)
    first, second = result.columns
    assert (first.token_ids, first.finish) == (whole.columns[0].token_ids[:at], "end")
    assert (second.token_ids, second.finish) == (whole.columns[1].token_ids, "length")
    assert any(update.finished == (True, False) for update in updates)


def test_the_end_tokens_of_the_model_end_a_reply():
    model = tiny.two()
    desk = Desk(model)
    mixes = [Mix(), desk.base()]
    token, at = ends_in_one_row(desk, mixes, {})
    model.generation_config.eos_token_id = [1, token]
    _, result = heard(desk, mixes)
    assert [column.finish for column in result.columns] == ["end", "length"]
    assert len(result.columns[0].token_ids) == at


def test_the_end_tokens_of_a_generation_config_end_a_reply():
    desk = Desk(tiny.two())
    mixes = [Mix(), desk.base()]
    token, at = ends_in_one_row(desk, mixes, {})
    config = GenerationConfig(eos_token_id=token, pad_token_id=tiny.PAD, max_new_tokens=16)
    _, result = heard(desk, mixes, {"generation_config": config})
    assert [column.finish for column in result.columns] == ["end", "length"]
    assert [len(column.token_ids) for column in result.columns] == [at, 16]


@pytest.mark.parametrize("batched", [True, False], ids=["batched", "one after the other"])
def test_a_stop_string_ends_one_column_and_is_cut_off(batched: bool):
    desk = Desk(tiny.two())
    mixes = [Mix(), desk.base()]
    _, whole = heard(desk, mixes)
    texts = [column.text for column in whole.columns]
    stop = next(
        texts[0][at : at + 2]
        for at in range(1, len(texts[0]) - 2)
        if texts[0][at : at + 2].isascii() and texts[0][at : at + 2] not in texts[1]
    )
    updates, result = heard(desk, mixes, stop_strings=[stop], batched=batched, in_step=True)
    assert result.columns[0].text == texts[0][: texts[0].index(stop)]
    assert result.columns[0].finish == "stop string"
    assert result.columns[1].text == texts[1]
    assert result.columns[1].finish == "length"
    assert all(stop not in text for update in updates for text in update.texts)
    assert result.columns[0].token_ids == whole.columns[0].token_ids[: len(result.columns[0].token_ids)]


def test_a_limit_of_the_callers_own_ends_a_reply_by_length():
    class Three(StoppingCriteria):
        def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
            return torch.full((input_ids.shape[0],), input_ids.shape[1] >= tiny.prompt().shape[1] + 3)

    desk = Desk(tiny.two())
    _, result = heard(desk, three(desk), {"stopping_criteria": StoppingCriteriaList([Three()])})
    assert [(column.finish, len(column.token_ids)) for column in result.columns] == [("length", 3)] * 3


class Script(LogitsProcessor):
    """Has the model say a text, and then whatever it likes."""

    def __init__(self, text: str, *after: int) -> None:
        self.tokens = [*tiny.ids_of(text), *after]
        self.prompt = tiny.prompt().shape[1]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        at = input_ids.shape[1] - self.prompt
        if at < len(self.tokens):
            scores = torch.full_like(scores, -torch.inf)
            scores[:, self.tokens[at]] = 0.0
        return scores


def script(text: str, *after: int) -> dict[str, Any]:
    tokens = [*tiny.ids_of(text), *after]
    return {"logits_processor": LogitsProcessorList([Script(text, *after)]), "max_new_tokens": len(tokens)}


def test_updates_only_grow_and_show_no_half_character_and_no_beginning_of_a_stop_string():
    desk = Desk(tiny.two())
    text = "Ahøy, 🦜 the\nYo-ho\nYou"
    updates, result = heard(desk, [Mix(), desk.base()], script(text), stop_strings=["\nYou:", "🦜🦜"], in_step=True)
    assert [update.tokens[0] for update in updates[:-1]] == list(range(1, len(tiny.ids_of(text)) + 1))
    assert [column.text for column in result.columns] == [text, text]
    assert updates[-1].texts == (text, text)
    for earlier, later in pairwise(updates):
        assert all(b.startswith(a) for a, b in zip(earlier.texts, later.texts, strict=True))
        assert all(b >= a for a, b in zip(earlier.tokens, later.tokens, strict=True))
        assert all(b >= a for a, b in zip(earlier.finished, later.finished, strict=True))
        assert later.seconds >= earlier.seconds
    for update in updates:
        if update.finished == (True, True):
            continue  # then it is sure
        assert not any("\ufffd" in one or one.endswith(("\n", "\nY", "\nYo", "\nYou")) for one in update.texts)


@pytest.mark.parametrize("batched", [True, False], ids=["batched", "one after the other"])
def test_a_reply_cut_in_the_middle_of_a_character_does_without_it(batched: bool):
    desk = Desk(tiny.two())
    generation = script("aye 🦜")
    generation["max_new_tokens"] -= 1
    updates, result = heard(desk, [Mix(), desk.base()], generation, batched=batched)
    assert [column.text for column in result.columns] == ["aye ", "aye "]
    assert updates[-1].texts == ("aye ", "aye ")


def test_special_tokens_are_left_out_or_kept():
    desk = Desk(tiny.two())
    generation = script("Aye", tiny.PAD)
    assert heard(desk, [Mix()], generation)[1].columns[0].text == "Aye"
    assert heard(desk, [Mix()], generation, skip_special_tokens=False)[1].columns[0].text == "Aye<pad>"


# One after the other


def test_what_cannot_run_in_rows_runs_one_after_the_other_and_says_why():
    model = tiny.pirate(use_dora=True)
    desk = Desk(model)
    updates, result = heard(desk, [Mix(), desk.base()], in_step=True)
    assert not result.batched
    assert result.why_not_batched == desk.why_not_rows([Mix(), desk.base()])
    assert "DoRA" in result.why_not_batched
    assert [update.tokens for update in updates[:-1]] == [(min(at, 16), max(at - 16, 0)) for at in range(1, 33)]
    assert result.seconds == pytest.approx(sum(column.seconds for column in result.columns))
    assert all(later.seconds >= earlier.seconds for earlier, later in pairwise(updates))


def test_one_after_the_other_can_be_asked_for():
    desk = Desk(tiny.two())
    _, result = heard(desk, three(desk), batched=False)
    assert (result.batched, result.why_not_batched) == (False, "asked to run one after the other")


class WithModel(LogitsProcessor):
    """Runs the model itself."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return scores + self.model(input_ids=input_ids).logits[:, -1] * 0.1


@pytest.mark.parametrize(
    ("generation", "why"),
    [
        (
            lambda model: {"logits_processor": LogitsProcessorList([WithModel(model)])},
            "WithModel runs the model itself",
        ),
        (lambda model: {"guidance_scale": 1.5}, "runs the model itself"),
        (lambda model: {"num_beams": 2}, "beam search keeps several rows"),
        (lambda model: {"cache_implementation": "static"}, "the static cache is made for one row"),
    ],
    ids=["a model inside a sampler", "guidance", "beams", "a static cache"],
)
def test_settings_that_are_for_one_row_run_one_after_the_other(generation: Callable[[Any], dict[str, Any]], why: str):
    model = tiny.two()
    desk = Desk(model)
    settings = generation(model)
    updates, result = heard(desk, [Mix(), desk.base()], settings)
    assert not result.batched and why in result.why_not_batched
    assert updates[-1].tokens == (16, 16)
    for column in result.columns:
        desk.apply(column.mix)
        assert tiny.generated(model, settings) == column.token_ids
        desk.reset()


def growing(model: Any, heard_mixes: list[float]) -> Callable[[], Iterator[str]]:
    """A way of generating of somebody else's: growing texts, with what the model says at that moment."""

    def generate() -> Iterator[str]:
        heard_mixes.append(tiny.logits(model).sum().item())
        text = ""
        for word in ("aye ", "aye, ", "captain"):
            text += word
            yield text

    return generate


def test_columns_can_be_answered_by_somebody_elses_way_of_generating():
    model = tiny.two()
    desk = Desk(model, threading.Lock())
    said: list[float] = []
    mixes = three(desk)
    updates, result = heard(desk, mixes, {"max_new_tokens": 40}, batched=False, alone=growing(model, said))
    assert [column.text for column in result.columns] == ["aye aye, captain"] * 3
    assert [column.finish for column in result.columns] == ["end"] * 3
    assert [column.token_ids for column in result.columns] == [tuple(tiny.ids_of("aye aye, captain"))] * 3
    expected = []
    for mix in mixes:
        desk.apply(mix)
        expected.append(tiny.logits(model).sum().item())
    assert said == expected
    assert updates[-1].texts == ("aye aye, captain",) * 3


def test_somebody_elses_reply_that_is_full_ends_by_length():
    desk = Desk(tiny.two())
    tokens = len(tiny.ids_of("aye aye, captain"))
    options = {"batched": False, "alone": growing(desk.model, [])}
    assert heard(desk, [Mix()], {"max_new_tokens": tokens}, **options)[1].columns[0].finish == "length"
    assert heard(desk, [Mix()], {"max_new_tokens": tokens + 1}, **options)[1].columns[0].finish == "end"


def test_somebody_elses_way_is_not_used_for_a_batch():
    desk = Desk(tiny.two())
    _, expected = heard(desk, three(desk))
    _, result = heard(desk, three(desk), alone=growing(desk.model, []))
    assert result.batched
    assert [column.text for column in result.columns] == [column.text for column in expected.columns]


def test_somebody_elses_generation_is_closed_when_it_is_stopped_and_when_it_fails():
    closed: list[str] = []
    stopped = threading.Event()

    def generate() -> Iterator[str]:
        try:
            yield "aye"
            stopped.wait(30)
            yield "aye aye"
            yield "aye aye aye"
        finally:
            closed.append("closed")

    desk = Desk(tiny.two())
    run = started(desk, [Mix(), desk.base()], batched=False, alone=generate)
    for update in run:
        if update.texts[0]:
            run.stop()
            stopped.set()
    assert closed == ["closed"]
    assert run.result.columns[1].finish == "stopped"

    def failing() -> Iterator[str]:
        yield "aye"
        raise RuntimeError("the host is out of rum")

    with pytest.raises(RuntimeError, match="out of rum"):
        list(started(desk, [mix_of(master=0.5)], batched=False, alone=failing))
    assert set(tiny.scalings(desk.model)) == {2.0, 2 / 2**0.5}


# How it ends


def started(desk: Desk, mixes: list[Mix], generation: dict[str, Any] | None = None, **options: Any) -> Run:
    columns = [Column(str(at), mix) for at, mix in enumerate(mixes)]
    settings = {"max_new_tokens": 16, "do_sample": False, **(generation or {})}
    return compare(desk, tiny.tokenizer(), tiny.prompt(), columns, seed=7, generation=settings, **options)


class Slow(LogitsProcessor):
    """Takes its time at every token, and tells how many there were."""

    def __init__(self, seconds: float = 0.02) -> None:
        self.seconds = seconds

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        time.sleep(self.seconds)
        return scores


def slowly(tokens: int = 200) -> dict[str, Any]:
    return {"logits_processor": LogitsProcessorList([Slow()]), "max_new_tokens": tokens}


class Rest:
    """What must be as it was when a comparison has ended: faders, layers, lock, random numbers, threads."""

    def __init__(self, build: Callable[[], Any] = tiny.two) -> None:
        self.lock = threading.Lock()
        self.model = build()
        self.desk = Desk(self.model, self.lock)
        self.faders = mix_of(master=0.5)
        self.desk.apply(self.faders)
        self._before = self._now()

    def _now(self) -> Any:
        unmoved = tiny.fingerprint(self.model)
        unmoved["tensors"] = [tensor for tensor in unmoved["tensors"] if "magnitude" not in tensor[0]]
        return (
            tiny.scalings(self.model),
            unmoved,
            tiny.logits(self.model).tolist(),
            random.getstate(),
            torch.get_rng_state().tolist(),
            self.lock.locked(),
            [thread.name for thread in threading.enumerate() if thread.name == "compare"],
        )

    def check(self) -> None:
        assert self.desk.mix == self.faders
        assert self._now() == self._before


@pytest.mark.parametrize(
    "build", [tiny.two, lambda: tiny.pirate(use_dora=True)], ids=["batched", "one after the other"]
)
@pytest.mark.parametrize("generation", [{"do_sample": False}, {"do_sample": True}], ids=str)
def test_a_finished_comparison_leaves_no_trace(build: Any, generation: dict[str, Any]):
    rest = Rest(build)
    heard(rest.desk, three(rest.desk), generation)
    rest.check()


@pytest.mark.parametrize(
    "build", [tiny.two, lambda: tiny.pirate(use_dora=True)], ids=["batched", "one after the other"]
)
def test_stop_ends_every_column_and_keeps_what_was_said(build: Any):
    rest = Rest(build)
    _, whole = heard(rest.desk, [Mix(), rest.desk.base()], {"max_new_tokens": 40})
    run = started(rest.desk, [Mix(), rest.desk.base()], slowly())
    for update in run:
        if update.tokens[0] >= 3:
            run.stop()
    first, second = run.result.columns
    assert (first.finish, second.finish) == ("stopped", "stopped")
    assert 3 <= len(first.token_ids) < 40
    for column, full in zip(run.result.columns, whole.columns, strict=True):
        assert column.token_ids == full.token_ids[: len(column.token_ids)]
    rest.check()


def test_a_column_that_had_ended_before_the_stop_says_so():
    desk = Desk(tiny.two())
    mixes = [Mix(), desk.base()]
    token, _ = ends_in_one_row(desk, mixes, {})
    run = started(desk, mixes, {**slowly(), "eos_token_id": token})
    for update in run:
        if update.finished[0]:
            run.stop()
    assert [column.finish for column in run.result.columns] == ["end", "stopped"]


def test_leaving_the_loop_early_ends_the_comparison():
    rest = Rest()
    run = started(rest.desk, three(rest.desk), slowly())
    for update in run:
        if update.tokens[0] >= 2:
            break
    del update
    gc.collect()
    rest.check()
    assert [column.finish for column in run.result.columns] == ["stopped"] * 3


def test_an_error_in_the_loop_ends_the_comparison():
    rest = Rest()
    with pytest.raises(KeyboardInterrupt):
        for update in started(rest.desk, three(rest.desk), slowly()):
            if update.tokens[0] >= 2:
                raise KeyboardInterrupt
    gc.collect()
    rest.check()


@pytest.mark.parametrize("batched", [True, False], ids=["batched", "one after the other"])
def test_a_listener_that_falls_asleep_delays_no_token(batched: bool):
    rest = Rest()
    updates = iter(started(rest.desk, three(rest.desk), batched=batched))
    next(updates)
    deadline = time.monotonic() + 30
    while rest.lock.locked() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not rest.lock.locked()
    last = list(updates)[-1]  # what was missed is in the last one
    assert last.tokens == (16, 16, 16)
    rest.check()


def test_a_listener_that_never_listens_again_does_not_keep_the_model():
    rest = Rest()
    updates = iter(started(rest.desk, three(rest.desk), slowly()))
    next(updates)
    del updates  # a page that was closed: its generator goes away
    gc.collect()
    rest.check()


def test_a_run_that_nobody_listens_to_never_starts():
    rest = Rest()
    run = started(rest.desk, three(rest.desk))
    with pytest.raises(RuntimeError, match="no result yet"):
        _ = run.result
    del run
    rest.check()


def test_a_run_can_be_listened_to_again_when_it_is_over():
    desk = Desk(tiny.two())
    run = started(desk, three(desk))
    last = list(run)[-1]
    result = run.result
    assert list(run) == [last]
    assert run.result is result


class Failing(LogitsProcessor):
    """Fails at the third token."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if input_ids.shape[1] >= tiny.prompt().shape[1] + 3:
            raise self.error
        return scores

    def __deepcopy__(self, memo: Any) -> Failing:
        return Failing(self.error)


@pytest.mark.parametrize("error", [RuntimeError("no rum"), ValueError("no rum"), KeyboardInterrupt("no rum")])
@pytest.mark.parametrize(
    "build", [tiny.two, lambda: tiny.pirate(use_dora=True)], ids=["batched", "one after the other"]
)
def test_what_goes_wrong_while_generating_is_raised_to_the_listener(build: Any, error: BaseException):
    rest = Rest(build)
    run = started(rest.desk, three(rest.desk), {"logits_processor": LogitsProcessorList([Failing(error)])})
    with pytest.raises(type(error), match="no rum"):
        list(run)
    with pytest.raises(RuntimeError, match="no result yet"):
        _ = run.result
    rest.check()


def test_too_little_memory_for_one_column_says_what_can_be_done():
    rest = Rest()
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate …")
    run = started(rest.desk, three(rest.desk), {"logits_processor": LogitsProcessorList([Failing(error)])})
    with pytest.raises(RuntimeError, match="not enough memory for one column alone: shorten the prompt") as raised:
        list(run)
    assert raised.value.__cause__ is error
    rest.check()


class Memory:
    """Holds so many rows and no more: the error that says so is made afresh each time."""

    def __init__(self, model: Any, rows: int, error: Callable[[], BaseException], after: int = 0) -> None:
        self.rows, self.error, self.after = rows, error, after
        self.passes = 0
        self.tried: list[int] = []
        module = model.base_model.model.model
        self.hook = module.register_forward_pre_hook(self._check, with_kwargs=True)

    def _check(self, module: Any, args: Any, kwargs: dict[str, Any]) -> None:
        rows = kwargs["input_ids"].shape[0]
        if self.tried[-1:] != [rows]:
            self.tried.append(rows)
            self.passes = 0
        self.passes += 1
        if rows > self.rows and self.passes > self.after:
            raise self.error()


FULL = [
    lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate …"),
    lambda: RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
    lambda: RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes."),
    MemoryError,
]


@pytest.mark.parametrize(
    ("rows", "batches", "note", "error"),
    [
        (6, (6,), "", FULL[0]),
        (3, (3, 3), "ran as 2 batches of 3: memory did not hold 6", FULL[1]),
        (2, (2, 2, 2), "ran as 3 batches of 2: memory did not hold 3", FULL[2]),
        (1, (1,) * 6, "ran one after the other: memory did not hold 2", FULL[3]),
    ],
    ids=["enough", "Linux", "Windows", "Python"],
)
def test_a_batch_that_memory_does_not_hold_is_halved_until_it_does(
    rows: int, batches: tuple[int, ...], note: str, error: Any
):
    rest = Rest()
    mixes = [*three(rest.desk), *(mix_of(master=at / 4) for at in range(3))]
    generation = {"do_sample": True, "temperature": 1.2}
    _, whole = heard(rest.desk, mixes, generation)
    memory = Memory(rest.model, rows, error, after=3)
    updates, result = heard(rest.desk, mixes, generation)
    memory.hook.remove()
    assert [column.token_ids for column in result.columns] == [column.token_ids for column in whole.columns]
    assert (result.batches, result.note) == (batches, note)
    assert (result.batched, result.why_not_batched) == ((True, "") if rows > 1 else (False, note))
    assert updates[-1].texts == tuple(column.text for column in result.columns)
    rest.check()


def test_batches_of_differing_sizes_are_told_as_they_ran():
    rest = Rest()
    mixes = [mix_of(master=at / 4) for at in range(5)]
    memory = Memory(rest.model, 3, FULL[0])
    _, result = heard(rest.desk, mixes)
    memory.hook.remove()
    assert (result.batches, result.note) == ((3, 2), "ran as batches of 3 and 2: memory did not hold 5")
    rest.check()


def test_texts_of_earlier_batches_stay_while_later_ones_run():
    rest = Rest()
    memory = Memory(rest.model, 2, FULL[0])
    updates, result = heard(rest.desk, [mix_of(master=at / 4) for at in range(4)], in_step=True)
    memory.hook.remove()
    later = [update for update in updates if any(update.tokens[2:])]
    assert later
    for update in later:
        assert update.texts[:2] == tuple(column.text for column in result.columns[:2])
        assert update.finished[:2] == (True, True)
        assert update.took[:2] == tuple(column.seconds for column in result.columns[:2])
    rest.check()


def test_what_a_batch_held_is_given_back_before_the_next_try():
    rest = Rest()
    held: list[Any] = []
    alive: list[int] = []

    class Big:
        """Stands for the tensors of a pass."""

    def fill(module: Any, args: Any, kwargs: dict[str, Any]) -> None:
        big = Big()
        held.append(weakref.ref(big))
        alive.append(sum(one() is not None for one in held))
        if kwargs["input_ids"].shape[0] > 1:
            raise torch.OutOfMemoryError(big)

    rest.desk.why_not_rows([Mix(), rest.desk.base()])
    held.clear()
    alive.clear()
    hook = rest.model.base_model.model.model.register_forward_pre_hook(fill, with_kwargs=True)
    heard(rest.desk, [mix_of(master=at / 4) for at in range(4)])
    hook.remove()
    assert set(alive) == {1}


def test_a_column_that_ended_early_took_only_as_long_as_it_went_on():
    desk = Desk(tiny.two())
    mixes = [Mix(), desk.base()]
    token, at = ends_in_one_row(desk, mixes, {})
    updates, result = heard(desk, mixes, {"eos_token_id": token}, in_step=True)
    first, second = result.columns
    assert 0 < first.seconds < second.seconds == result.seconds
    assert [update.took[0] for update in updates[at:]] == [first.seconds] * len(updates[at:])
    assert all(later.took[1] >= earlier.took[1] for earlier, later in pairwise(updates))


@pytest.mark.parametrize("batched", [True, False], ids=["batched", "one after the other"])
def test_a_caller_that_holds_the_lock_compares_without_waiting(batched: bool):
    rest = Rest()
    _, expected = heard(rest.desk, three(rest.desk))
    with rest.lock:
        _, result = heard(rest.desk, three(rest.desk), batched=batched, locked=True)
        assert rest.lock.locked()
    assert [column.token_ids for column in result.columns] == [column.token_ids for column in expected.columns]
    rest.check()


def test_a_mix_that_does_not_fit_is_refused_before_anything_is_generated():
    rest = Rest()
    with pytest.raises(ValueError, match="has no kind 'q_porj'"):
        heard(rest.desk, [Mix(), mix_of(kinds={"q_porj": 0.0})])
    rest.check()


@pytest.mark.parametrize(
    ("input_ids", "columns", "message"),
    [
        (tiny.prompt(), [], "there is no column to compare"),
        (tiny.prompt(rows=2), [Column("A", Mix())], r"one row of tokens, shape \(1, tokens\), not \(2, 8\)"),
        (tiny.prompt()[0], [Column("A", Mix())], r"not \(8,\)"),
        (tiny.prompt()[:, :0], [Column("A", Mix())], r"not \(1, 0\)"),
        (tiny.prompt(), [Column("A", Mix())] * 17, "at most 16 columns can be compared at once, not 17"),
        (
            torch.ones((1, 256), dtype=torch.long),
            [Column("A", Mix())],
            "the prompt has 256 tokens, and the model's context holds 256 with the reply: shorten it",
        ),
    ],
    ids=["no column", "two rows", "no rows", "no tokens", "seventeen columns", "a prompt that fills the context"],
)
def test_a_question_that_is_none_is_refused(input_ids: torch.Tensor, columns: list[Column], message: str):
    with pytest.raises(ValueError, match=message):
        compare(Desk(tiny.pirate()), tiny.tokenizer(), input_ids, columns, seed=1, generation={})


# The lock and the faders


def test_a_comparison_waits_for_whoever_generates_and_can_be_stopped_while_it_waits():
    rest = Rest()
    run = started(rest.desk, three(rest.desk))
    updates: list[Update] = []
    with rest.lock:
        listener = threading.Thread(target=lambda: updates.extend(run))
        listener.start()
        listener.join(0.3)
        assert listener.is_alive() and updates == []
        run.stop()
        listener.join(30)
        assert not listener.is_alive()
    assert [(column.text, column.finish) for column in run.result.columns] == [("", "stopped")] * 3
    rest.check()


@pytest.mark.parametrize("batched", [True, False], ids=["batched", "one after the other"])
def test_the_model_is_left_alone_while_somebody_generates(batched: bool):
    rest = Rest()
    passes: list[bool] = []
    hook = rest.model.base_model.model.model.register_forward_pre_hook(lambda *_: passes.append(True))
    run = started(rest.desk, three(rest.desk), batched=batched)
    with rest.lock:
        listener = threading.Thread(target=list, args=(run,))
        listener.start()
        listener.join(0.3)
        assert passes == []
    listener.join(30)
    assert passes
    hook.remove()
    rest.check()


def test_a_stop_between_two_columns_keeps_the_first():
    rest = Rest()
    taken = threading.Event()

    def one_answer() -> Iterator[str]:
        assert rest.lock.locked()
        yield "aye"

    run = started(rest.desk, three(rest.desk), batched=False, alone=one_answer)
    # Somebody takes the lock as soon as the first column lets go of it.
    release = rest.lock.release

    class Taken:
        def acquire(self, *args: Any, **kwargs: Any) -> bool:
            return False if taken.is_set() else rest.lock.acquire(*args, **kwargs)

        def release(self) -> None:
            release()
            taken.set()

        def __enter__(self) -> None:
            self.acquire()

        def __exit__(self, *_: Any) -> None:
            self.release()

    rest.desk._lock = Taken()
    stopper = threading.Thread(target=lambda: (taken.wait(30), run.stop()))
    stopper.start()
    list(run)
    stopper.join(30)
    assert [(column.text, column.finish) for column in run.result.columns] == [
        ("aye", "end"),
        ("", "stopped"),
        ("", "stopped"),
    ]
    rest.check()


def test_nothing_else_generates_while_columns_run():
    rest = Rest()
    locked: list[bool] = []

    class Look(LogitsProcessor):
        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            locked.append(rest.lock.locked())
            return scores

    heard(rest.desk, three(rest.desk), {"logits_processor": LogitsProcessorList([Look()])})
    assert len(locked) == 16 * 3 and all(locked)


def test_a_fader_that_is_moved_meanwhile_changes_no_column_and_stands_afterwards():
    desk = Desk(tiny.two(), threading.Lock())
    _, expected = heard(desk, three(desk))
    run = started(desk, three(desk), {"logits_processor": LogitsProcessorList([Slow(0.005)])})
    for update in run:
        desk.apply(Mix({"poet": Faders(master=update.tokens[0] / 16)}))
    assert [column.token_ids for column in run.result.columns] == [column.token_ids for column in expected.columns]
    assert desk.mix == Mix({"poet": Faders(master=1.0)})
    desk.apply(Mix({"poet": Faders(master=0.25)}))
    assert {desk.scaling(target) for target in desk.adapters["poet"].targets} == {0.25 * 2 / 2**0.5}


def test_two_comparisons_at_once_run_one_after_the_other():
    rest = Rest()
    _, expected = heard(rest.desk, three(rest.desk))
    runs = [started(rest.desk, three(rest.desk)) for _ in range(3)]
    listeners = [threading.Thread(target=list, args=(run,)) for run in runs]
    for listener in listeners:
        listener.start()
    for listener in listeners:
        listener.join(60)
    for run in runs:
        assert [column.token_ids for column in run.result.columns] == [column.token_ids for column in expected.columns]
    rest.check()
