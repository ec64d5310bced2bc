"""A live model for the commands that need one: with all adapters playing, or refused before a model is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_mixer.cli.live_model import desk_of
from lora_mixer.hosts.protocol import HostError


def test_all_adapters_play_as_loaded(shelf: Path) -> None:
    folders = {name: shelf / "loras" / name for name in ("pirate", "poet")}
    desk, tokenizer = desk_of(str(shelf / "model"), folders, "cpu", "float32", quiet=True)
    assert list(desk.adapters) == ["pirate", "poet"] and set(desk.heard()) == {"pirate", "poet"}
    assert tokenizer.encode("Ahoy")


@pytest.mark.parametrize("what", ["model", "adapter", "weights"])
def test_what_is_wrong_is_told_before_anything_is_loaded(
    what: str, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lora_mixer.cli.live_model.load_here", lambda *_: pytest.fail("a model is loaded"))
    model, adapter = shelf / "model", shelf / "loras" / "pirate"
    if what == "model":
        model = tmp_path / "nowhere"
    elif what == "adapter":
        adapter = tmp_path / "nowhere"
    else:
        adapter = tmp_path / "cut"
        adapter.mkdir()
        (adapter / "adapter_config.json").write_bytes((shelf / "loras/pirate/adapter_config.json").read_bytes())
        (adapter / "adapter_model.safetensors").write_bytes(b"\x08")
    with pytest.raises((HostError, ValueError), match=str(model if what == "model" else adapter)):
        desk_of(str(model), {"pirate": adapter}, "cpu", "float32", quiet=True)
