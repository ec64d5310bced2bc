"""The tokens of a prompt that was asked before, by the model that was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.compared import compared, drawn, read_back
from helpers.shelved import opened, shelf_host, shelve
from helpers.tiny import tokenizer

from lora_mixer.hosts.protocol import HostError
from lora_mixer.ui.lab import prompt_ids
from lora_mixer.ui.lab.reply_scores import measure
from lora_mixer.ui.lab.sweep_charts import Charting


def test_another_model_or_adapter_does_not_measure_it(tmp_path: Path) -> None:
    folder = shelve(tmp_path / "loras" / "pirate")
    host = shelf_host(tmp_path)
    host.load_adapters([folder])
    console = opened(host)
    again = read_back(console, compared(console))
    assert again.record is not None and again.record.adapters[0].hash
    [adapter] = again.record.adapters
    again.record = replace(again.record, adapters=(replace(adapter, hash="0" * 64),))
    with pytest.raises(HostError, match="adapter pirate has changed since"):
        list(measure(console, again))
    again.record = replace(again.record, model="Other-7B")
    with pytest.raises(HostError, match="made with the model Other-7B"):
        drawn(Charting(console).of_sweep(replace(again, filled=compared(console, sweep="master 0, 1").filled)))
    assert not console.host.lock.locked()  # type: ignore[attr-defined]


def test_a_prompt_is_read_again_as_hosts_give_it_to_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    class Begins:
        """A tokenizer that puts a token in front, as Llama's does."""

        bos_token_id = 1

        def encode(self, prompt: str, *, add_special_tokens: bool = True) -> list[int]:
            return [1, *(1 if word == "<s>" else len(word) for word in prompt.split())]

        def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
            raise NotImplementedError

    assert prompt_ids.read_again(Begins(), "Ahoy there") == (1, 4, 5)
    assert prompt_ids.read_again(Begins(), "<s> Ahoy there") == (1, 4, 5), "the template has put it there"
    assert prompt_ids.read_again(tokenizer(), "Ahoy") == tuple(tokenizer()("Ahoy")["input_ids"])
