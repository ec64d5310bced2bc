"""`publish`, `servers` and `unpublish`, as a user calls them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import false_vllm
from helpers.command_line import answer
from helpers.false_vllm import KEY, FalseVllm
from helpers.tiny_gguf import every_module, pairs, write_model
from helpers.tiny_gguf import write_adapter as write_gguf_adapter

from lora_mixer.cli.exits import FAILED, MISUSED
from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.lora_ops.engines.vllm import stock


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FalseVllm]:
    monkeypatch.setattr(stock, "_GRACE", 0.0)
    with false_vllm.serving() as state:
        yield state
        assert not state.amiss


@pytest.fixture
def asked(server: FalseVllm, tmp_path: Path) -> list[str]:
    """What tells a command where the server is, and what it shares."""
    (tmp_path / "key.txt").write_text(f"{KEY}\n")
    return ["--server", server.url, "--key-file", str(tmp_path / "key.txt"), "--shared", str(tmp_path / "shared")]


@pytest.fixture
def lora(tmp_path: Path) -> list[str]:
    return ["--lora", str(false_vllm.write_adapter(tmp_path / "pirate"))]


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    mix = Mix({"pirate": Faders(master=0.5), "butler": Faders(on=False)})
    path = tmp_path / "Softer pirate.json"
    path.write_text(json.dumps({"version": 1, "name": "Softer pirate", "mix": mix.to_dict()}))
    return path


def test_a_profile_is_published_listed_and_taken_back(
    capsys: pytest.CaptureFixture[str], server: FalseVllm, asked: list[str], lora: list[str], profile: Path
) -> None:
    told = json.loads(answer(capsys, "publish", profile, *asked, *lora, "--ask", "my book?", "--json"))
    assert told["name"] == "mixer-Softer-pirate" and told["said"] and told["question"] == "my book?"
    assert not told["again"] and not told["fits"]
    assert "not checked" in answer(capsys, "publish", profile, *asked, *lora)
    assert "mixer-Softer-pirate" in answer(capsys, "servers", *asked)
    listed = json.loads(answer(capsys, "servers", *asked, "--json"))
    assert [one["name"] for one in listed["servers"][0]["served"]] == ["mixer-Softer-pirate"] and not listed["left"]
    gone = json.loads(answer(capsys, "unpublish", "mixer-Softer-pirate", *asked, "--json"))
    assert gone["unloaded"] and not gone["stays"] and not server.loaded


def test_a_server_that_is_gone_does_not_hide_the_others(
    capsys: pytest.CaptureFixture[str], server: FalseVllm, asked: list[str], tmp_path: Path
) -> None:
    (tmp_path / "shared").mkdir()
    said = answer(capsys, "servers", *asked, "--server", "http://127.0.0.1:9", status=FAILED)
    assert "nothing of ours" in said and "nothing listens there" in said


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--lora", "x"], "say where to"),
        (["--server", "http://127.0.0.1:9", "--ollama", "out", "--lora", "x"], "say where to"),
        (["--server", "http://127.0.0.1:9"], "name the adapters"),
        (["--server", "http://127.0.0.1:9", "--lora", "pirate=x"], "--shared DIR"),
        (["--server", "http://127.0.0.1:9", "--lora", "x", "--shared", "s"], "--lora pirate=FOLDER"),
        (["--ollama", "out", "--lora", "pirate=x"], "--gguf FILE"),
        (["--server", "http://127.0.0.1:9", "--lora", "pirate=key.gguf", "--shared", "s"], "PEFT folders"),
        (["--server", "ftp://x", "--lora", "pirate=x", "--shared", "s"], "no address"),
        (["--server", "http://127.0.0.1:9", "--lora", "pirate=x", "--shared", "s", "--key-file", "none.txt"], "holds"),
    ],
)
def test_what_is_not_understood_is_said_before_anything_is_done(
    capsys: pytest.CaptureFixture[str],
    profile: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    match: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "none.txt").write_text("\n")
    (tmp_path / "key.gguf").touch()
    assert match in answer(capsys, "publish", profile, *words, status=MISUSED)
    assert not (tmp_path / "out").exists() and not (tmp_path / "s").exists()


def test_a_profile_of_a_name_that_nobody_kept_is_told(
    capsys: pytest.CaptureFixture[str], asked: list[str], lora: list[str]
) -> None:
    assert "nobody-kept-it" in answer(capsys, "publish", "nobody-kept-it", *asked, *lora, status=MISUSED)


def test_others_are_left_alone(capsys: pytest.CaptureFixture[str], asked: list[str]) -> None:
    assert "not one of ours" in answer(capsys, "unpublish", "letters", *asked, status=MISUSED)


def test_for_ollama_a_file_and_a_modelfile_are_written_with_what_to_type(
    capsys: pytest.CaptureFixture[str], profile: Path, tmp_path: Path
) -> None:
    base = write_model(tmp_path / "model.gguf")
    adapter = write_gguf_adapter(tmp_path / "pirate", pairs(every_module()))
    words: list[Any] = ["publish", profile, "--ollama", tmp_path / "out", "--gguf", base, "--lora", adapter]
    said = answer(capsys, *words)
    assert "ollama create Softer-pirate -f" in said and "ollama run Softer-pirate" in said
    assert (tmp_path / "out" / "Modelfile").read_text() == f"FROM {base}\nADAPTER ./Softer-pirate.gguf\n"
    assert "exists already" in answer(capsys, *words, status=MISUSED)
    told = json.loads(answer(capsys, *words, "--overwrite", "--from", "smollm2:135m", "--json"))
    assert Path(told["modelfile"]).read_text().startswith("FROM smollm2:135m\n")
