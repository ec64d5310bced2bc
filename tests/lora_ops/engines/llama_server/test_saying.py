"""Replies that grow on a server, and what goes wrong while they do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from helpers.false_llama import answering, end, slowly, tokens
from helpers.llama import GREEDY, Llama, texts

from lora_mixer.lora_ops import Column, ColumnResult, Desk, Faders, Mix, Sampling, compare
from lora_mixer.lora_ops.engines import llama_server
from lora_mixer.lora_ops.engines.engine import Token, Voice
from lora_mixer.lora_ops.engines.llama_server import LlamaServerEngine, LlamaServerError
from lora_mixer.lora_ops.engines.llama_server.saying import END
from lora_mixer.lora_ops.fade import Fade


def heard(url: str, tokens: int = 4, **options: Any) -> Any:
    desk = Desk(llama_server.connect(url, [], patience=options.pop("patience", 30.0)))
    run = compare(desk, None, [5, 6], [Column("A", Mix())], seed=1, generation={"max_new_tokens": tokens}, **options)
    for _ in run:
        pass
    return run.result.columns[0]


def test_a_reply_is_heard_as_it_comes() -> None:
    with answering({"/completion": slowly([*tokens(8, 9), end("eos")], 0)}) as url:
        column = heard(url)
        assert column.token_ids == (8, 9) and column.finish == "end"
    with answering({"/completion": slowly([b": a ping\n\n", *tokens(8, 9, 10, 11), end()], 0)}) as url:
        column = heard(url)
        assert column.token_ids == (8, 9, 10, 11) and column.finish == "length"


BROKEN: dict[str, tuple[Any, str]] = {
    "an error before the first token": (
        (400, {"error": {"message": "prompt too long"}}),
        r"refused \(400\): prompt too",
    ),
    "a stream that breaks off": (slowly(tokens(8, 9), 0), "broke off in the middle of a reply"),
    "a stream of nonsense": (slowly([*tokens(8), b"data: {nonsense\n\n"], 0), "does not answer as a llama-server does"),
    "an error in the middle": (
        slowly([*tokens(8), b'data: {"error": {"message": "cannot go on"}}\n\n'], 0),
        r"refused \(500\): cannot go on",
    ),
    "no token ids": (slowly([b'data: {"content": "hello", "stop": false}\n\n', end()], 0), "does not tell the tokens"),
    "no stream": ({"content": "hello"}, "broke off"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_reply_that_goes_wrong_ends_with_a_sentence(case: str) -> None:
    answer, match = BROKEN[case]
    with answering({"/completion": answer}) as url, pytest.raises(LlamaServerError, match=match):
        heard(url)


def test_a_server_that_falls_silent_is_given_up() -> None:
    silent = answering({"/completion": slowly(tokens(8, 9), 20)})
    with silent as url, pytest.raises(LlamaServerError, match="has not said a word for 1 seconds"):
        heard(url, patience=1.0)


@pytest.mark.parametrize("said", [[], [8]])
def test_a_reply_is_called_off_though_the_server_says_nothing(said: list[int]) -> None:
    with answering({"/completion": slowly([b": begun\n\n", *tokens(*said)], 30)}) as url:
        desk = Desk(llama_server.connect(url, []))
        run = compare(desk, None, [5, 6], [Column("A", Mix())], seed=1, generation={"max_new_tokens": 4})
        time.sleep(0.3)
        began = time.monotonic()
        run.stop()
        list(run)
        assert run.result.columns[0].finish == "stopped"
        assert time.monotonic() - began < 20, "it waited for the server"


def reply(engine: LlamaServerEngine, prompt: Sequence[int], tokens: int = 12, seed: int = 1) -> list[int]:
    sampling = Sampling(max_new_tokens=tokens, do_sample=False)
    return [token.id for token in engine.reply(prompt, sampling, seed)]


def test_a_fader_moved_in_mid_reply_is_obeyed_from_the_next_token_on(llama: Llama) -> None:
    engine = llama.engine("pirate")
    desk = Desk(engine)
    loaded, sampling = reply(engine, llama.prompt), Sampling(max_new_tokens=12, do_sample=False)
    heard: list[Token] = []
    for token in engine.reply(llama.prompt, sampling):
        heard.append(token)
        if len(heard) == 5:
            desk.apply(desk.base())
    ids = [token.id for token in heard]
    assert ids[:5] == loaded[:5]
    # From there on it says what the base says after the same words, which it reads anew.
    assert ids[5:] == reply(engine, [*llama.prompt, *ids[:5]], 7)
    assert heard[-1].last and len(heard) == 12
    assert engine.differs("mid_reply")


def test_a_reply_that_nobody_hears_to_its_end_stops_and_the_server_is_free(llama: Llama) -> None:
    engine = llama.engine("pirate")
    for _ in range(6):  # more than it has slots
        stream = engine.reply(llama.prompt, Sampling(max_new_tokens=400, do_sample=False))
        next(stream)
        stream.close()
    assert len(reply(engine, llama.prompt, 4)) == 4


def test_a_fade_stands_at_each_token_where_it_says(llama: Llama) -> None:
    desk = Desk(llama.engine("pirate"))
    late = Mix({"pirate": Faders(fades={"master": Fade(((4, 1.0), (5, 0.0)))})})
    slope = Mix({"pirate": Faders(fades={"master": Fade(((0, 1.0), (4, 0.0)))})})
    loaded, late_said, slope_said = texts(desk, llama.prompt, [Mix(), late, slope])
    assert late_said[:5] == loaded[:5]
    (rest,) = texts(
        desk, [*llama.prompt, *late_said[:5]], [desk.base()], generation={"max_new_tokens": 7, "do_sample": False}
    )
    assert late_said[5:] == rest
    for token in range(6):
        faders = Mix({"pirate": Faders(master=slope["pirate"].at(token).master)})
        before = [*llama.prompt, *slope_said[:token]]
        (one,) = texts(desk, before, [faders], generation={"max_new_tokens": 1, "do_sample": False})
        assert one == slope_said[token : token + 1]


def test_more_columns_than_the_server_has_slots_say_what_each_says_alone(llama: Llama) -> None:
    engine = llama.engine("pirate")
    desk = Desk(engine)
    settings = {"max_new_tokens": 6, "do_sample": True, "temperature": 1.0}
    mixes = [Mix({"pirate": Faders(master=gain / 4)}) for gain in range(engine.slots + 2)]
    together = texts(desk, llama.prompt, mixes, generation=settings)
    assert together == [texts(desk, llama.prompt, [mix], generation=settings)[0] for mix in mixes]


def test_seeds_side_by_side_say_what_each_says_alone(llama: Llama) -> None:
    engine = llama.engine("pirate")
    sampling = Sampling(max_new_tokens=8, do_sample=True, temperature=1.2)

    def heard(voices: Sequence[Voice]) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in voices]

        def hear(tokens: dict[int, Token]) -> list[bool]:
            for row, token in tokens.items():
                found[row].append(token.id)
            return [len(one) == 8 or one[-1:] == [END] for one in found]

        engine.say(llama.prompt, voices, sampling, hear, lambda token: None)  # type: ignore[arg-type]
        return found

    voices = [Voice(Mix(), seed) for seed in (1, 2, 3, 2)]
    together = heard(voices)
    assert together == [heard([voice])[0] for voice in voices]
    assert together[1] == together[3] and together[0] != together[1]


def test_a_reply_ends_where_the_model_ends_it(llama: Llama) -> None:
    desk = Desk(llama.engine("pirate"))
    prompt = desk.engine.tokens.encode("<|im_start|>user\nSay: Aye.<|im_end|>\n<|im_start|>assistant\nAye.")
    columns = [Column("A", Mix())]
    run = compare(desk, None, prompt, columns, seed=1, generation={"max_new_tokens": 200, "do_sample": False})
    list(run)
    (column,) = run.result.columns
    assert column.finish == "end" and len(column.token_ids) < 200 and 2 not in column.token_ids
    assert "<|" not in column.text


def test_a_stop_string_ends_a_reply_and_is_cut_off(llama: Llama) -> None:
    desk = Desk(llama.engine("pirate"))

    def column(**options: Any) -> ColumnResult:
        run = compare(desk, None, llama.prompt, [Column("A", Mix())], seed=1, generation=GREEDY, **options)
        list(run)
        return run.result.columns[0]

    whole = column().text
    stop = whole.split()[3]
    found = column(stop_strings=[stop])
    assert found.finish == "stop string" and found.text == whole[: whole.index(stop)]
