"""Servers that change or lack something while an engine is connected to them."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.false_llama import answering, end, slowly, tokens

from lora_mixer.lora_ops import Column, Desk, Mix, compare
from lora_mixer.lora_ops.engines import llama_server
from lora_mixer.lora_ops.engines.llama_server import LlamaServerError


def test_a_server_that_was_started_anew_with_other_adapters_is_noticed_before_it_says_a_word() -> None:
    answers: dict[str, Any] = {"/completion": slowly([*tokens(8), end("eos")], 0)}
    with answering(answers) as url:
        desk = Desk(llama_server.connect(url, []))
        engine = desk.engine
        assert not desk.outdated()
        engine._paths = ("/elsewhere.gguf",)  # type: ignore[attr-defined]
        run = compare(desk, None, [5, 6], [Column("A", Mix())], seed=1, generation={"max_new_tokens": 4})
        with pytest.raises(LlamaServerError, match="has other adapters than it had"):
            list(run)
        assert desk.outdated()
        desk.refresh()
        assert not desk.outdated()


def test_a_server_that_tells_no_likelihoods_says_so_and_is_not_asked_again() -> None:
    asked = []

    def refuse(write: Any) -> None:
        asked.append(1)
        write(b'data: {"error": {"message": "no grammar"}}\n\n')

    with answering({"/completion": refuse, "/detokenize": {"content": "word"}}) as url:
        engine = llama_server.connect(url, [])
        why_not = engine.why_not("scores")
        before = len(asked)
        assert "no grammar" in why_not and engine.why_not("scores") == why_not and len(asked) == before
        with pytest.raises(ValueError, match="no grammar"):
            Desk(engine).reader([5, 6])
