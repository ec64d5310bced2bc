"""A desk on a real llama-server: parts against the whole, scales in every request, faders that move in mid-reply."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers.llama import ADAPTERS, Llama, asked, said

from lora_mixer.demo.base_model import gguf_file
from lora_mixer.lora_ops import Column, ColumnResult, Desk, Faders, Mix, Sampling, compare, score
from lora_mixer.lora_ops.engines import llama_server
from lora_mixer.lora_ops.engines.engine import Token, Voice
from lora_mixer.lora_ops.engines.llama_server import LlamaServerEngine, LlamaServerError, Server
from lora_mixer.lora_ops.engines.llama_server.saying import END
from lora_mixer.lora_ops.fade import Fade

GREEDY = {"max_new_tokens": 12, "do_sample": False}
BOTH = ("pirate", "butler")


def texts(desk: Desk, prompt: Sequence[int], mixes: Sequence[Mix], **options: object) -> list[tuple[int, ...]]:
    columns = [Column(str(at), mix) for at, mix in enumerate(mixes)]
    run = compare(desk, None, prompt, columns, **{"seed": 3, "generation": GREEDY, **options})  # type: ignore[arg-type]
    list(run)
    return [column.token_ids for column in run.result.columns]


def test_parts_say_what_the_whole_says_token_for_token(llama: Llama, whole_llama: Server) -> None:
    desk = Desk(llama.engine())
    gains = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.5, 1.0), (2.0, 0.25), (-0.5, 0.0)]
    mixes = [Mix({name: Faders(master=gain) for name, gain in zip(BOTH, pair, strict=True)}) for pair in gains]
    found = texts(desk, llama.prompt, mixes)
    wanted = [
        said(whole_llama, llama.prompt, [{"id": id, "scale": gain} for id, gain in enumerate(pair)]) for pair in gains
    ]
    assert found == wanted
    assert len(set(found)) > 3, "the adapters do nothing here: nothing is shown"


def test_a_mix_in_one_file_says_what_the_faders_say(llama: Llama, tmp_path: Path) -> None:
    mix = Mix({"pirate": Faders(master=0.75, kinds={"down_proj": 0.5}, layers={4: 0.0}), "butler": Faders(on=False)})
    # llama.cpp rounds inputs for float16 and not for float32: in the same type, and with halves, nothing changes.
    options: dict[str, Any] = {"mix": mix, "dtype": "float16"}
    path = llama_server.whole(ADAPTERS / "pirate", gguf_file(), tmp_path / "mixed.gguf", **options)
    (wanted,) = texts(Desk(llama.engine()), llama.prompt, [mix])
    with llama_server.start(gguf_file(), [llama_server.unsplit(path)], context=256, slots=1, threads=1) as server:
        assert said(server, llama.prompt, None) == wanted


def test_a_fader_moves_its_own_part_alone(llama: Llama) -> None:
    engine = llama.engine()
    mix = Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.0}, layers={3: 2.0}), "butler": Faders(on=False)})
    scales = {one["id"]: one["scale"] for one in engine.lora(mix)}
    assert len(scales) == len(llama.parts)
    for id, part in enumerate(llama.parts):
        gain = 0.0 if part.adapter == "butler" or part.kind == "q_proj" else 1.0 if part.layer == 3 else 0.5
        assert scales[id] == gain, part.target


def test_adapters_are_known_by_their_paths_and_not_by_their_order(llama: Llama) -> None:
    turned = llama_server.connect(llama.server.url, llama.parts[::-1], llama.server.key)
    assert turned.lora(Mix()) == llama.engine().lora(Mix())
    mix = Mix({"pirate": Faders(master=0.0)})
    assert turned.lora(mix) == llama.engine().lora(mix)
    found = llama_server.connect(llama.server.url, None, llama.server.key)
    assert found.parts == llama.parts and found.lora(mix) == turned.lora(mix)


def test_a_request_names_its_scales_whatever_was_set_for_all(llama: Llama) -> None:
    desk = Desk(llama.engine())
    mixes = [Mix(), desk.base()]
    before = texts(desk, llama.prompt, mixes)
    try:
        asked(llama.server, "/lora-adapters", llama.scales(2.0))
        said(llama.server, llama.prompt, None)  # reads this very prompt under those scales, and remembers it
        assert texts(desk, llama.prompt, mixes) == before
    finally:
        every = [{"id": id, "scale": 1.0} for id in range(len(llama.parts))]
        asked(llama.server, "/lora-adapters", every)
    assert before[0] != before[1]


def test_a_desk_leaves_what_the_server_plays_to_others(llama: Llama) -> None:
    desk = Desk(llama.engine())
    before = asked(llama.server, "/lora-adapters")
    desk.apply(Mix({"pirate": Faders(master=0.0)}))
    texts(desk, llama.prompt, [desk.mix])
    assert asked(llama.server, "/lora-adapters") == before
    assert desk.engine.why_not("live")


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


def test_tokens_go_into_text_and_back(llama: Llama) -> None:
    tokens = llama.engine("pirate").tokens
    text = "Ahoy! Ünïcode 🦜 and <|im_end|> too"
    ids = tokens.encode(text, add_special_tokens=False)
    assert tokens.decode(ids) == text
    assert tokens.decode(ids, skip_special_tokens=True) == text.replace("<|im_end|>", "")
    assert tokens.encode("") == [] and tokens.decode([]) == ""


def test_likelihoods_are_those_of_the_tokens_as_they_are_said(llama: Llama) -> None:
    desk = Desk(llama.engine())
    text = [9531, 198, 2, 17]  # with a special token in the middle
    mix = Mix({"pirate": Faders(master=0.5), "butler": Faders(on=False)})
    [[found]] = score(desk, llama.prompt, [text], [mix]).logprobs
    for at, id in enumerate(text):
        body = {"prompt": [*llama.prompt, *text[:at]], "n_predict": 1, "temperature": 0, "n_probs": 49152}
        told = asked(llama.server, "/completion", body | {"lora": desk.engine.lora(mix), "cache_prompt": False})
        every = {one["id"]: one["logprob"] for one in told["completion_probabilities"][0]["top_logprobs"]}
        # A base in 4 bits rounds a text that is read in one piece otherwise than token by token: seen up to 0.01.
        assert found[at] == pytest.approx(every[id], abs=0.05)
    assert math.isnan(score(desk, llama.prompt, [text], [mix]).divergence[0][0]) and desk.engine.why_not("divergence")
    assert asked(llama.server, "/health") == {"status": "ok"}


def test_dice_are_rolled_for_those_who_ask_for_them(llama: Llama) -> None:
    desk = Desk(llama.engine("pirate"))

    def two_seeds(**settings: Any) -> set[tuple[int, ...]]:
        generation = {"max_new_tokens": 12, **settings}
        return {texts(desk, llama.prompt, [Mix()], generation=generation, seed=seed)[0] for seed in (1, 2)}

    greedy = two_seeds(do_sample=False)
    assert two_seeds() == greedy and len(greedy) == 1
    assert two_seeds(do_sample=False, temperature=2.0, top_k=50) == greedy
    assert len(two_seeds(do_sample=True, temperature=2.0, top_k=0, top_p=1.0, min_p=0.0)) == 2
    assert len(two_seeds(temperature=2.0)) == 2


def test_settings_that_the_server_does_not_have_are_refused_by_name(llama: Llama) -> None:
    desk = Desk(llama.engine("pirate"))
    for name in ("num_beams", "lora", "prompt"):
        with pytest.raises(ValueError, match=name):
            texts(desk, llama.prompt, [Mix()], generation={**GREEDY, name: 4})
    known = {**GREEDY, "presence_penalty": 0.5, "repetition_penalty": 1.1, "pad_token_id": 2}
    assert texts(desk, llama.prompt, [Mix()], generation=known)


def test_a_prompt_that_fills_the_context_is_refused(llama: Llama) -> None:
    desk = Desk(llama.engine("pirate"))
    assert desk.engine.context == 512
    with pytest.raises(ValueError, match="the model's context holds 512"):
        texts(desk, [9531] * 512, [Mix()])
    with pytest.raises(ValueError, match="context holds 512"):
        score(desk, [9531] * 500, [[9531] * 20], [Mix()])


def test_a_part_that_the_server_has_not_loaded_is_told_by_name(llama: Llama) -> None:
    import dataclasses

    one = dataclasses.replace(llama.parts[0], path=llama.parts[0].path.with_name("other.gguf"))
    with pytest.raises(LlamaServerError, match=r"has not loaded other\.gguf of 'pirate'"):
        llama_server.connect(llama.server.url, [one], llama.server.key)


def test_a_wrong_key_and_another_server_are_told(llama: Llama) -> None:
    for key in (None, "wrong"):
        with pytest.raises(LlamaServerError, match="wants another key"):
            llama_server.connect(llama.server.url, llama.parts, key)
    with pytest.raises(LlamaServerError, match="another llama-server listens"):
        llama_server.connect(llama.server.url, llama.parts, llama.server.key, alias="lora-mixer-of-yesterday")


def test_an_adapter_as_one_file_has_one_fader(whole_llama: Server, llama: Llama) -> None:
    engine = llama_server.connect(whole_llama.url, None, whole_llama.key)
    desk = Desk(engine)
    assert {name: len(adapter.targets) for name, adapter in desk.adapters.items()} == {"pirate": 1, "butler": 1}
    assert engine.lora(Mix({"butler": Faders(master=0.25)})) == [{"id": 0, "scale": 1.0}, {"id": 1, "scale": 0.25}]
    assert "one slot" in engine.why_not("rows")
    columns = [Column("A", Mix()), Column("B", desk.base())]
    run = compare(desk, None, llama.prompt, columns, seed=1, generation=GREEDY)
    list(run)
    assert not run.result.batched and "one slot" in run.result.why_not_batched
