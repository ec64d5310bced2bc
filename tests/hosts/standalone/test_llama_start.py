"""The files that our own page starts a llama-server with: split once, within what a command line holds, and told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import pytest
from helpers.tiny_gguf import every_module, pairs, write_adapter, write_model

from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.standalone.llama_start import CONTEXT, OnLlama, OwnServers, check_gguf, check_gguf_adapter
from lora_mixer.lora_ops.engines import llama_server
from lora_mixer.lora_ops.engines.llama_server import command_line


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model.gguf")


def adapter(folder: Path, seed: int = 0) -> Path:
    return write_adapter(folder, pairs(every_module(), seed=seed))


def silent(text: str, part: float | None = None) -> None:
    """To nobody."""


def with_fields(path: Path, fields: dict[str, Any]) -> Path:
    """A model's file of one tensor that says these of itself."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type(gguf.GGUFType.MODEL)
    for key, value in fields.items():
        (writer.add_string if isinstance(value, str) else writer.add_uint32)(key, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize(
    ("how", "name"),
    [
        (OnLlama(Path("models/SmolLM2-135M.Q8_0.gguf")), "SmolLM2-135M.Q8_0"),
        (OnLlama(url="http://127.0.0.1:8080/"), "llama-server at 127.0.0.1:8080"),
        (OnLlama(url="127.0.0.1:8080"), "llama-server at 127.0.0.1:8080"),
    ],
)
def test_a_model_is_called_as_people_call_it(how: OnLlama, name: str) -> None:
    assert how.model_name == name


def test_adapters_are_split_once_under_their_own_names_and_that_is_told(model: Path, tmp_path: Path) -> None:
    servers = OwnServers(OnLlama(model), tmp_path / "parts")
    said: list[tuple[str, float | None]] = []
    adapters = {"pirate/checkpoint-5": adapter(tmp_path / "pirate"), "poet": adapter(tmp_path / "poet", 1)}
    found = servers.split(adapters, lambda text, part=None: said.append((text, part)))
    assert [part.adapter for part in found] == ["pirate/checkpoint-5"] * 14 + ["poet"] * 14
    assert any("pirate/checkpoint-5" in one for one, _ in said)
    assert ("Splitting poet for llama.cpp: 7 of 14 …", 0.5) in said
    said.clear()
    assert servers.split(adapters, lambda text, part=None: said.append((text, part))) == found and not said


def test_parts_of_adapters_that_are_gone_go(model: Path, tmp_path: Path) -> None:
    servers, folder = OwnServers(OnLlama(model), tmp_path / "parts"), adapter(tmp_path / "pirate")
    [part, *_] = servers.split({"pirate": folder}, silent)
    folder.rename(tmp_path / "elsewhere")
    servers.split({}, silent)
    assert not part.path.exists()


def test_all_paths_together_fit_into_one_argument_of_a_program(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = OwnServers(OnLlama(model, program="llama-server"), tmp_path / "parts")
    adapters = {name: adapter(tmp_path / name, seed) for seed, name in enumerate(("pirate", "poet", "butler"))}
    length: Callable[[list[Any]], int] = lambda parts: len(",".join(str(part.path) for part in parts))  # noqa: E731
    one = length(servers.split({"pirate": adapters["pirate"]}, silent))
    monkeypatch.setattr(command_line, "LONGEST", 2 * one)
    assert len(servers.split({"pirate": adapters["pirate"]}, silent)) == 14
    found = servers.split(adapters, silent)
    assert length(found) <= 2 * one and {part.adapter for part in found} == set(adapters)
    assert sorted(target for part in found for target in part.targets) == sorted(3 * [*every_module()])


def test_what_cannot_be_split_is_refused_by_its_name(model: Path, tmp_path: Path) -> None:
    servers = OwnServers(OnLlama(model), tmp_path / "parts")
    stranger = write_adapter(tmp_path / "stranger", pairs({"model.layers.7.mlp.up_proj": (9, 9)}))
    with pytest.raises(HostError, match="llama.cpp cannot play stranger"):
        servers.split({"pirate": adapter(tmp_path / "pirate"), "stranger": stranger}, silent)
    (tmp_path / "pirate" / "adapter_model.safetensors").write_bytes(b"damaged")
    with pytest.raises(HostError, match="pirate could not be split"):
        servers.split({"pirate": tmp_path / "pirate"}, silent)


@pytest.mark.parametrize(
    ("said", "own", "context"),
    [
        ({}, None, CONTEXT),
        ({"llama.context_length": 512}, None, 512),
        ({"llama.context_length": 131072}, None, CONTEXT),
        ({"llama.context_length": 512}, 2048, 2048),
        ({"llama.context_length": 0}, None, CONTEXT),
        ({"llama.context_length": "long"}, None, CONTEXT),
    ],
)
def test_a_chat_has_as_many_tokens_as_its_model_reads(
    said: dict[str, Any], own: int | None, context: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[dict[str, Any]] = []
    monkeypatch.setattr(llama_server, "start", lambda *_, **settings: started.append(settings))
    model = with_fields(tmp_path / "model.gguf", said)
    OwnServers(OnLlama(model, context=own), tmp_path).start([], silent)
    assert [one["context"] for one in started] == [context]


def test_a_server_that_does_not_start_says_why(model: Path, tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"^[A-Z]"):
        OwnServers(OnLlama(model, program=str(tmp_path / "no-such-program")), tmp_path).start([], silent)


def test_whether_a_model_has_a_template_stands_in_its_file(model: Path, tmp_path: Path) -> None:
    with_one = with_fields(tmp_path / "chat.gguf", {"tokenizer.chat_template": "{{ messages }}"})
    assert OwnServers(OnLlama(with_one), tmp_path).has_template()
    assert not OwnServers(OnLlama(model), tmp_path).has_template()


def test_a_model_and_an_adapter_are_told_apart(model: Path, tmp_path: Path) -> None:
    file = llama_server.whole(adapter(tmp_path / "pirate"), model, tmp_path / "pirate.gguf")
    check_gguf(model)
    check_gguf_adapter(file)
    (tmp_path / "half.gguf").write_bytes(model.read_bytes()[:100])
    for path, why in (
        (file, "is an adapter, not a model"),
        (tmp_path, "is a folder"),
        (tmp_path / "none.gguf", "does not exist"),
        (tmp_path / "half.gguf", "half.gguf"),
    ):
        with pytest.raises(HostError, match=why):
            check_gguf(path)
    with pytest.raises(HostError, match="is a model, not an adapter"):
        check_gguf_adapter(model)
