"""TextGen's llama-server started again: what its user wrote stays, and where it does not start all is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standin.textgen import StandIn

from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.textgen.llama_flags import arguments
from lora_mixer.hosts.textgen.llama_restart import Flags, is_ours, parts_folder, restart, shelf_folders
from lora_mixer.lora_ops.json_text import to_json


class Models:
    """TextGen's way of loading a model, and the flags with which it does not start."""

    def __init__(self, textgen: StandIn) -> None:
        self._textgen, self.wrong, self.started = textgen, set[str | None](), list[str | None]()

    def unload_model(self, keep_model_name: bool = False) -> None:
        assert keep_model_name
        self._textgen.shared.model = None

    def load_model(self, name: str, loader: str) -> tuple[Any, Any]:
        flags = self._textgen.shared.args.extra_flags
        self.started.append(flags)
        return (None, None) if flags in self.wrong else (object(), object())


@pytest.fixture
def textgen(tmp_path: Path) -> Iterator[StandIn]:
    standin = StandIn(tmp_path)
    with standin.installed():
        yield standin


@pytest.fixture
def models(textgen: StandIn, monkeypatch: pytest.MonkeyPatch) -> Models:
    models = Models(textgen)
    for name in ("unload_model", "load_model"):
        monkeypatch.setattr(textgen.models, name, getattr(models, name))
    textgen.shared.model, textgen.shared.args.extra_flags = object(), "jinja,lora=/own/mine.gguf"
    return models


def part(home: str, number: int = 1, source: Path | None = None) -> Path:
    """The file of a part."""
    path = parts_folder() / home / f"{number}.gguf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    if source is not None:
        (path.parent / "parts.json").write_text(to_json({"version": 1, "source": str(source), "parts": []}))
    return path


def test_adapters_come_and_go_and_what_the_user_wrote_stays(textgen: StandIn, models: Models) -> None:
    own = arguments(textgen.shared.args.extra_flags)
    one, two = part("pirate"), part("poet")
    restart(Flags.now().loading([one, two]))
    assert arguments(textgen.shared.args.extra_flags)[: len(own)] == own and textgen.shared.model is not None
    now = Flags.now()
    assert list(now.files) == [one, two] and now.own_files == [(Path("/own/mine.gguf"), 1.0)]
    restart(now.loading([]))
    assert arguments(textgen.shared.args.extra_flags) == own


def test_a_file_that_is_opened_up_is_put_back_where_it_was(textgen: StandIn, models: Models) -> None:
    mine, parts = Path("/own/mine.gguf"), [part("mine", 1), part("mine", 2)]
    restart(Flags.now().opening(mine, parts, 0.5))
    now = Flags.now()
    assert now.own_files == [] and [scale for _, scale in now.opened] == [0.5, 0.5]
    back = now.closing(parts[0].parent, mine)
    assert back.own_files == [(mine, 0.5)] and not back.opened
    restart(back)
    assert Flags.now().own_files == [(mine, 0.5)] and not Flags.now().opened


def test_where_it_does_not_start_it_runs_as_before(textgen: StandIn, models: Models) -> None:
    before = textgen.shared.args.extra_flags
    wanted = Flags.now().loading([part("pirate")])
    models.wrong = {wanted.written()}
    with pytest.raises(HostError, match="the model runs as before"):
        restart(wanted)
    assert textgen.shared.model is not None and textgen.shared.args.extra_flags == before
    models.wrong = {wanted.written(), before}
    with pytest.raises(HostError, match="press Load"):
        restart(wanted)
    assert textgen.shared.model is None and textgen.shared.args.extra_flags == before


def test_flags_that_cannot_be_read_or_written_stop_nothing(textgen: StandIn, models: Models) -> None:
    running = textgen.shared.model
    with pytest.raises(HostError, match="cannot be written"):
        restart(Flags.now().loading([Path("/a,b/1.gguf")]))
    textgen.shared.args.extra_flags = "--jinja 'open"
    with pytest.raises(HostError, match="cannot be read"):
        Flags.now()
    assert textgen.shared.model is running and not models.started
    assert shelf_folders() == [Path(textgen.shared.args.lora_dir).resolve()]


def test_the_shelf_has_the_user_s_own_files_opened_up_or_not(textgen: StandIn, tmp_path: Path) -> None:
    loras = Path(textgen.shared.args.lora_dir).resolve()
    mine, other = (tmp_path / f"{name}.gguf" for name in ("mine", "other"))
    for path in (mine, other, loras / "there.gguf"):
        path.write_bytes(b"")
    own = f"--lora {mine},{loras / 'there.gguf'},{tmp_path / 'gone.gguf'}"
    textgen.shared.args.extra_flags = Flags(own, (), [(part("other", source=other), 1.0)]).written()
    assert shelf_folders() == [loras, mine.resolve(), other.resolve()]


def test_parts_are_known_by_their_folder(textgen: StandIn, tmp_path: Path) -> None:
    assert is_ours(part("pirate")) and not is_ours(tmp_path / "mine.gguf")
