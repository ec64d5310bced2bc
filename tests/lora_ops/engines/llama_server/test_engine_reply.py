"""A reply of a llama-server for whoever generates by a way of their own: whose mix it heeds, and how it is ended."""

from __future__ import annotations

import threading
import time
from itertools import islice

import pytest
from helpers import false_llama
from helpers.llama import Llama

from lora_mixer.lora_ops import Desk, Faders, Mix, Sampling
from lora_mixer.lora_ops.engines import llama_server
from lora_mixer.lora_ops.engines.llama_server import LlamaServerError
from lora_mixer.lora_ops.engines.llama_server.client import Client

GREEDY = Sampling(max_new_tokens=8, do_sample=False)
SILENT = Mix({"pirate": Faders(on=False), "butler": Faders(on=False)})


def ids(llama: Llama, engine: llama_server.LlamaServerEngine) -> list[int]:
    return [token.id for token in engine.reply(llama.prompt, GREEDY)]


def test_while_one_row_is_in_use_a_reply_is_that_rows(llama: Llama) -> None:
    engine = llama.engine()
    desk = Desk(engine)
    loud = ids(llama, engine)
    desk.apply(SILENT)
    silent = ids(llama, engine)
    with desk.rows([Mix()]):
        assert ids(llama, engine) == loud != silent
        desk.apply(Mix({"pirate": Faders(master=0.3)}))
        assert ids(llama, engine) == loud, "a fader that is moved meanwhile is heard after it"


def test_it_can_be_stopped_before_its_first_word() -> None:
    silence = false_llama.slowly([b": nothing yet\n\n"] * 1000, 0.05)
    with false_llama.answering({"/completion": silence}) as url:
        engine, stop = llama_server.connect(url, ()), threading.Event()
        threading.Timer(0.3, stop.set).start()
        began = time.monotonic()
        assert list(engine.reply([1, 2], GREEDY, stop=stop)) == []
        assert time.monotonic() - began < 20


def test_an_engine_moves_to_another_server_of_its_model_or_stays(llama: Llama) -> None:
    engine = llama.engine("pirate")
    desk, base = Desk(engine), engine.base
    before = list(islice(engine.reply(llama.prompt, GREEDY), 4))
    with false_llama.answering({"/lora-adapters": []}) as url, pytest.raises(LlamaServerError, match="has not loaded"):
        engine.move(Client(url), llama.parts)
    with pytest.raises(LlamaServerError, match="nothing listens"):
        engine.move(Client("http://127.0.0.1:9"), ())
    assert list(islice(engine.reply(llama.prompt, GREEDY), 4)) == before and not engine.outdated()
    engine.move(Client(llama.server.url, llama.server.key), llama.parts, llama.server.alias)
    assert engine.outdated() and engine.base is base
    desk.refresh()
    assert list(desk.adapters) == ["pirate", "butler"]
