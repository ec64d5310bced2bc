"""The protocol of engines: plain data, which all engines have and nobody needs torch for."""

from __future__ import annotations

import inspect
from typing import get_args

import pytest
from helpers.toy_engine import ToyEngine

from lora_mixer.lora_ops.engines.engine import Ability, Cancelled, Engine, NotInRows, Token
from lora_mixer.lora_ops.engines.llama_server import LlamaServerEngine
from lora_mixer.lora_ops.engines.peft.engine import PeftEngine

ENGINES = [PeftEngine, LlamaServerEngine, ToyEngine]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.__name__)
def test_every_engine_takes_what_the_protocol_says(engine: type) -> None:
    methods = {name: one for name, one in vars(Engine).items() if inspect.isfunction(one) and name[0] != "_"}
    assert methods
    for name, method in methods.items():
        own, theirs = (inspect.signature(one).parameters for one in (getattr(engine, name), method))
        needed = [one.name for one in own.values() if one.default is one.empty and one.kind in (0, 1, 3)]
        assert [one for one in needed if one not in theirs and one != "self"] == [], name
        takes_all = any(one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL) for one in own.values())
        assert takes_all or set(theirs) <= set(own), name


@pytest.mark.parametrize("ability", get_args(Ability))
def test_what_an_engine_lacks_it_says_in_a_sentence(ability: Ability) -> None:
    why_not = ToyEngine().why_not(ability)
    assert isinstance(why_not, str) and why_not == why_not.strip()


def test_being_called_off_is_no_error_of_anybodys() -> None:
    assert not issubclass(Cancelled, ValueError | RuntimeError) and issubclass(NotInRows, ValueError)
    with pytest.raises(AttributeError):
        Token(1, True).id = 2  # type: ignore[misc]
