"""Fades on the desk: they follow whatever reply is generated, by whomever, and leave no trace when they are gone."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.tiny import mix_of
from transformers import LogitsProcessor, LogitsProcessorList

from lora_mixer.lora_ops import Desk, Fade, Mix

TOKENS = 12
FADE = Fade.parse("0 at 0, 1 at 4, -0.5 at 8")
MIX = mix_of(fades={"master": FADE, "layer:1": Fade.parse("1 at 0, 2 at 6")})

BUILDS = {
    "LoRA": tiny.two,
    "an injected adapter": tiny.injected,
    "DoRA": lambda: tiny.pirate(use_dora=True),
    "LoRA on Conv1D": lambda: tiny.pirate(tiny.gpt2(), target_modules=["c_attn"], fan_in_fan_out=True),
    "LoRA and LoHa": tiny.mixed,
}


def by_hand(desk: Desk, mix: Mix, rows: int = 1, cache: bool = True) -> list[list[int]]:
    """What a loop says that moves faders which do not fade, token for token."""
    ids = tiny.prompt(rows=rows)
    past, given = None, ids
    for token in range(TOKENS):
        desk.apply(mix.at(token))
        with torch.no_grad():
            said = desk.engine.model(input_ids=given, past_key_values=past, use_cache=cache)
        new = said.logits[:, -1].argmax(-1)[:, None]
        ids = torch.cat([ids, new], 1)
        past, given = (said.past_key_values, new) if cache else (None, ids)
    desk.reset()
    return ids[:, -TOKENS:].tolist()


def generated(model: Any, rows: int = 1, **generation: Any) -> list[list[int]]:
    """What `generate` says, whatever is on the desk."""
    ids = tiny.prompt(rows=rows)
    settings = {"attention_mask": torch.ones_like(ids), "max_new_tokens": TOKENS, "do_sample": False, **generation}
    return model.generate(input_ids=ids, **settings)[:, ids.shape[1] :].tolist()


def hooks(model: Any) -> int:
    return sum(len(module._forward_pre_hooks) + len(module._forward_hooks) for module in model.modules())


@pytest.fixture(params=BUILDS, ids=str)
def desk(request: pytest.FixtureRequest) -> Desk:
    return Desk(BUILDS[request.param]())


@pytest.mark.parametrize("rows", [1, 3])
def test_a_reply_of_generate_follows_the_fades(desk: Desk, rows: int):
    expected = by_hand(desk, MIX, rows)
    assert expected != by_hand(desk, Mix(), rows)
    assert expected != by_hand(desk, MIX.at(0), rows)
    desk.apply(MIX)
    for _ in range(2):  # the second reply begins at its own first token again
        assert generated(desk.engine.model, rows) == expected


@pytest.mark.parametrize(
    "generation",
    [
        {"use_cache": False},
        {"cache_implementation": "static"},
        {"cache_implementation": "dynamic"},
        *({"prefill_chunk_size": size} for size in (1, 2, 3, 4, 5, 7, 8, 9)),
    ],
    ids=str,
)
def test_fades_follow_with_every_cache_and_with_prompts_that_are_read_in_pieces(generation: dict[str, Any]):
    desk = Desk(tiny.two())
    expected = by_hand(desk, MIX, cache=generation.get("use_cache", True))
    desk.apply(MIX)
    assert generated(desk.engine.model, **generation) == expected


def test_beams_follow_the_fades():
    desk = Desk(tiny.two())
    flat = generated(desk.engine.model, num_beams=3)
    passes = watched(desk)
    desk.apply(MIX)
    assert generated(desk.engine.model, num_beams=3) != flat
    assert passes == [MIX.at(token).gain(target_of(desk)) for token in range(TOKENS)]


def watched(desk: Desk) -> list[float]:
    """Collects the gain of one target at each pass."""
    target, gains = target_of(desk), []
    knob = desk.engine.knob(target)
    layer: Any = knob.layer
    layer.register_forward_pre_hook(lambda *_: gains.append(knob.now() / target.scaling))
    return gains


def target_of(desk: Desk) -> Any:
    return next(target for target in desk.adapters["pirate"].scalable if target.layer == 1)


def test_speculative_decoding_follows_the_fades_as_far_as_it_can_be_told():
    desk = Desk(tiny.two())
    passes = watched(desk)
    mix = mix_of(fades={"master": Fade.parse("0 at 0, 1 at 16")})
    desk.apply(mix)
    said = generated(desk.engine.model, prompt_lookup_num_tokens=3, eos_token_id=tiny.EOS)
    assert len(said[0]) == TOKENS
    at = [round(gain * 16) for gain in passes]
    assert at[0] == 0 and all(0 < later - earlier <= 4 for earlier, later in pairwise(at))


def test_what_a_sampler_asks_the_model_in_between_does_not_move_the_fade():
    desk = Desk(tiny.two())
    passes = watched(desk)
    desk.apply(MIX)
    generated(desk.engine.model, guidance_scale=1.5)
    # Each token takes one pass for the reply, and one that the sampler makes.
    assert passes == [MIX.at(token).gain(target_of(desk)) for token in range(TOKENS) for _ in range(2)]


def test_a_prompt_of_embeddings_is_followed():
    desk = Desk(tiny.two())
    passes = watched(desk)
    desk.apply(MIX)
    embeddings = desk.engine.model.get_input_embeddings()(tiny.prompt())
    desk.engine.model.generate(
        inputs_embeds=embeddings,
        attention_mask=torch.ones(embeddings.shape[:2], dtype=torch.long),
        max_new_tokens=TOKENS,
        do_sample=False,
    )
    assert passes == [MIX.at(token).gain(target_of(desk)) for token in range(TOKENS)]


def test_a_cache_that_holds_the_beginning_of_the_prompt_is_part_of_the_prompt():
    desk = Desk(tiny.two())
    ids = tiny.prompt()
    for held in (1, 4, ids.shape[1] - 1):
        expected = by_hand(desk, MIX)
        with torch.no_grad():
            cache = desk.engine.model(input_ids=ids[:, :held], use_cache=True).past_key_values
        passes = watched(desk)
        desk.apply(MIX)
        generated(desk.engine.model, past_key_values=cache)
        assert passes == [MIX.at(token).gain(target_of(desk)) for token in range(TOKENS)]
        assert len(expected[0]) == TOKENS
        desk.reset()


def test_a_loop_of_somebody_elses_is_followed_by_the_lengths_of_its_passes(desk: Desk):
    for cache in (True, False):
        expected = by_hand(desk, MIX, 2, cache)
        desk.apply(MIX)
        for _ in range(2):
            ids = tiny.prompt(rows=2)
            past, given = None, ids
            for _ in range(TOKENS):
                with torch.no_grad():
                    said = desk.engine.model(input_ids=given, past_key_values=past, use_cache=cache)
                new = said.logits[:, -1].argmax(-1)[:, None]
                ids = torch.cat([ids, new], 1)
                past, given = (said.past_key_values, new) if cache else (None, ids)
            assert ids[:, -TOKENS:].tolist() == expected
        desk.reset()


def test_at_rest_faders_stand_where_their_fades_begin(desk: Desk):
    target = target_of(desk)
    desk.apply(MIX.at(0))
    resting, logits = desk.scaling(target), tiny.logits(desk.engine.model)
    desk.apply(MIX)
    assert desk.scaling(target) == resting
    assert torch.equal(tiny.logits(desk.engine.model), logits)
    generated(desk.engine.model)
    assert desk.scaling(target) == resting
    assert torch.equal(tiny.logits(desk.engine.model), logits)
    assert desk.mix == MIX


def test_one_hook_is_there_as_long_as_something_fades_and_no_longer(desk: Desk):
    before = tiny.fingerprint(desk.engine.model)
    desk.apply(MIX)
    assert hooks(desk.engine.model) == 1
    desk.apply(mix_of(fades={"master": FADE}))
    assert hooks(desk.engine.model) == 1
    desk.apply(mix_of(on=False, fades={"master": FADE}))
    assert hooks(desk.engine.model) == 0
    desk.apply(MIX)
    generated(desk.engine.model)
    desk.reset()
    assert hooks(desk.engine.model) == 0
    after = tiny.fingerprint(desk.engine.model)
    # What DoRA's magnitudes lie in may have moved; that they are the same numbers is tested with the desk.
    before["tensors"] = after["tensors"] = []
    assert after == before


def test_a_fade_that_comes_back_to_one_puts_the_very_objects_back():
    desk = Desk(tiny.two())
    loaded = tiny.scalings(desk.engine.model)
    desk.apply(mix_of(fades={"master": Fade.parse("0 at 0, 1 at 3")}))
    seen: list[bool] = []

    class Look(LogitsProcessor):
        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            seen.append(tiny.same_objects(tiny.scalings(desk.engine.model), loaded))
            return scores

    generated(desk.engine.model, logits_processor=LogitsProcessorList([Look()]))
    assert seen == [False] * 3 + [True] * (TOKENS - 3)


class At(LogitsProcessor):
    """Does something when so many tokens are said."""

    def __init__(self, token: int, do: Callable[[], None]) -> None:
        self.tokens = tiny.prompt().shape[1] + token
        self.do = do

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if input_ids.shape[1] == self.tokens:
            self.do()
        return scores


@pytest.mark.parametrize(
    "first", [Mix(), mix_of(fades={"master": Fade.parse("2 at 0, 0 at 30")})], ids=["flat", "fading"]
)
def test_a_fade_that_is_put_on_the_desk_in_the_middle_of_a_reply_goes_on_from_there(first: Mix):
    desk = Desk(tiny.two())
    target = target_of(desk)
    passes = watched(desk)
    desk.apply(first)
    generated(desk.engine.model, logits_processor=LogitsProcessorList([At(5, lambda: desk.apply(MIX))]))
    assert passes == [(first if token < 6 else MIX).at(token).gain(target) for token in range(TOKENS)]


def test_a_reset_in_the_middle_of_a_reply_ends_the_fade():
    desk = Desk(tiny.two())
    target, passes = target_of(desk), watched(desk)
    desk.apply(MIX)
    generated(desk.engine.model, logits_processor=LogitsProcessorList([At(5, desk.reset)]))
    assert passes == [MIX.at(token).gain(target) if token < 6 else 1.0 for token in range(TOKENS)]


def test_moves_from_another_thread_while_a_reply_fades_are_safe():
    desk = Desk(tiny.two())
    done = threading.Event()

    def move() -> None:
        while not done.is_set():
            for mix in (MIX, Mix(), mix_of(fades={"kind:q_proj": FADE})):
                desk.apply(mix)

    mover = threading.Thread(target=move)
    mover.start()
    try:
        for _ in range(3):
            generated(desk.engine.model)
    finally:
        done.set()
        mover.join(30)
    desk.apply(MIX)
    expected = by_hand(Desk(tiny.two()), MIX)
    assert generated(desk.engine.model) == expected
    desk.reset()
    assert hooks(desk.engine.model) == 0


def test_a_new_desk_takes_over_and_the_fade_is_gone():
    model = tiny.two()
    Desk(model).apply(MIX)
    desk = Desk(model)
    assert hooks(model) == 0 and desk.mix == Mix()
    assert all(desk.scaling(target) == target.scaling for target in desk.adapters["pirate"].scalable)
    desk.apply(MIX)
    assert hooks(model) == 1


def test_a_copy_of_the_model_and_one_that_is_saved_whole_fade_no_more():
    model = tiny.two()
    desk = Desk(model)
    desk.apply(MIX)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        resting = tiny.logits(other)
        generated(other)
        assert torch.equal(tiny.logits(other), resting)
    assert desk.mix == MIX


@pytest.mark.parametrize(
    ("fades", "message"),
    [
        ({"kind:q_porj": FADE}, "has no kind 'q_porj'; it has q_proj"),
        ({"layer:7": FADE}, "has no layer 7"),
        ({"target:lm_head": FADE}, "has no target 'lm_head'"),
        ({"master": Fade(((0, 0.0), (9, 1e30))), "kind:q_proj": Fade(((0, 0.0), (3, 1e30)))}, "no finite number"),
    ],
    ids=["kind", "layer", "target", "infinite"],
)
def test_a_fade_that_the_model_does_not_have_is_refused_and_nothing_moves(fades: dict[str, Fade], message: str):
    desk = Desk(tiny.two())
    desk.apply(MIX)
    with pytest.raises(ValueError, match=message):
        desk.apply(mix_of(fades=fades))
    assert desk.mix == MIX


# Rows


def test_each_row_follows_its_own_fades_in_whatever_loop():
    desk = Desk(tiny.two(), threading.Lock())
    mixes = [MIX, Mix(), mix_of(fades={"kind:q_proj": FADE}), MIX.at(3)]
    expected = [by_hand(desk, mix)[0] for mix in mixes]
    desk.apply(MIX)
    with desk.rows(mixes):
        assert generated(desk.engine.model, rows=4) == expected
    assert generated(desk.engine.model)[0] == expected[0]
    desk.apply(Mix())
    assert hooks(desk.engine.model) == 0


def test_rows_that_are_told_the_token_do_not_look_for_themselves():
    desk = Desk(tiny.two())
    target = target_of(desk)
    with desk.rows([MIX, Mix()]) as turn:
        for token in (5, 5, 0, 11):
            turn(token)
            tiny.logits(desk.engine.model, tiny.prompt(rows=2))
            assert desk.scaling(target).flatten().tolist() == pytest.approx(
                [MIX.at(token).gain(target) * target.scaling, target.scaling]
            )


def test_a_fade_that_is_moved_while_rows_are_in_use_begins_after_them():
    desk = Desk(tiny.two(), threading.Lock())
    expected = by_hand(desk, MIX)
    with desk.rows([Mix(), desk.base()]):
        desk.apply(MIX)
        assert hooks(desk.engine.model) == 0
    assert hooks(desk.engine.model) == 1
    assert generated(desk.engine.model) == expected


def test_fades_that_differ_do_not_run_in_rows_where_rows_cannot_be_told_apart():
    desk = Desk(tiny.pirate(use_dora=True))
    same_beginning = [mix_of(fades={"master": Fade.parse(f"1 at 0, {end} at 9")}) for end in (1, 2)]
    assert "DoRA" in desk.why_not_rows(same_beginning)
    assert desk.why_not_rows([same_beginning[1], same_beginning[1]]) == ""


def test_a_caller_that_holds_the_lock_says_so():
    lock = threading.Lock()
    desk = Desk(tiny.two(), lock)
    with lock:
        with desk.rows([MIX, Mix()], locked=True):
            assert lock.locked()
        assert lock.locked()
    assert not lock.locked()
