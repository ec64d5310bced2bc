"""A desk on a real llama-server: parts against the whole, scales in every request, faders that move in mid-reply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.llama import ADAPTERS, GREEDY, Llama, asked, said, texts

from lora_mixer.demo.base_model import gguf_file
from lora_mixer.lora_ops import Column, Desk, Faders, Mix, compare, score
from lora_mixer.lora_ops.engines import llama_server
from lora_mixer.lora_ops.engines.llama_server import LlamaServerError, Server

BOTH = ("pirate", "butler")


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
