"""The files that TextGen's llama-server is started with: made once, shared out fairly, and never taken from it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.tiny_gguf import every_module, pairs, write_adapter, write_model
from standin.textgen import StandIn

from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.textgen.llama_parts import Loaded, files_for, here, source_of
from lora_mixer.hosts.textgen.llama_restart import Flags, parts_folder
from lora_mixer.lora_ops.engines.llama_server import Part, command_line, read_parts
from lora_mixer.lora_ops.engines.llama_server.command_line import length_of

ALL = len(every_module())


@pytest.fixture
def textgen(tmp_path: Path) -> Iterator[StandIn]:
    standin = StandIn(tmp_path)
    with standin.installed():
        yield standin


@pytest.fixture
def model(textgen: StandIn, tmp_path: Path) -> Path:
    return write_model(tmp_path / "model.gguf")


@pytest.fixture
def folders(textgen: StandIn) -> dict[str, Path]:
    loras = Path(textgen.shared.args.lora_dir)
    return {name: write_adapter(loras / name, pairs(every_module(), seed=at)) for at, name in enumerate(("one", "two"))}


def silent(text: str, part: float | None) -> None:
    """To nobody."""


def parts(files: list[Path]) -> list[Part]:
    """What files of one adapter are."""
    listed = {part.path: part for part in read_parts(files[0].parent)}
    return [listed[file] for file in files]


def loaded(found: dict[str, list[Path]]) -> dict[str, Loaded]:
    """As the server has them."""
    return here(part for files in found.values() for part in parts(files))


def test_it_is_counted_and_once_they_are_there_nothing_is_made_again(model: Path, folders: dict[str, Path]) -> None:
    told: list[tuple[str, float | None]] = []
    wanted = {"one": Loaded(folders["one"], called="runs/one")}
    found = files_for(wanted, model, Flags(""), [], lambda text, part: told.append((text, part)))
    assert told[0] == ("Splitting runs/one: 1 of 14 files …", 1 / 14) and told[-1][1] == 1.0 and len(told) == ALL
    told.clear()
    assert files_for(wanted, model, Flags(""), [], lambda text, part: told.append((text, part))) == found and not told
    assert loaded(found)["one"].source == folders["one"].resolve()


def test_stopped_in_the_middle_there_is_nothing(model: Path, folders: dict[str, Path]) -> None:
    class Stopped(Exception):
        pass

    def halfway(text: str, part: float | None) -> None:
        if part == 0.5:
            raise Stopped

    with pytest.raises(Stopped):
        files_for({"one": Loaded(folders["one"])}, model, Flags(""), [], halfway)
    assert not list(parts_folder().glob("*/*.gguf"))


def test_adapters_share_the_command_line_and_get_it_back(
    model: Path, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = files_for({"one": Loaded(folders["one"])}, model, Flags(""), [], silent)
    longest = length_of(alone["one"]) + 10
    monkeypatch.setattr(command_line, "LONGEST", longest)
    both = files_for({**loaded(alone), "two": Loaded(folders["two"])}, model, Flags(""), [], silent)
    assert length_of(both["one"]) + length_of(both["two"]) <= longest
    for files in both.values():
        assert len(files) == ALL // 2 and {len(part.targets) for part in parts(files)} == {2}
    left = {name: one for name, one in loaded(both).items() if name == "one"}
    again = parts(files_for(left, model, Flags(""), [], silent)["one"])
    assert [part.target for part in again] == [part.target for part in parts(alone["one"])]


def test_other_files_on_the_command_line_leave_less_room(
    model: Path, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = files_for({"one": Loaded(folders["one"])}, model, Flags(""), [], silent)
    monkeypatch.setattr(command_line, "LONGEST", length_of(alone["one"]))
    other = Path("/somewhere/else/mine.gguf")
    found = files_for({"one": Loaded(folders["one"])}, model, Flags(""), [other], silent)
    assert len(found["one"]) < ALL
    with pytest.raises(HostError, match="load fewer adapters at once"):
        files_for({"two": Loaded(folders["two"])}, model, Flags(""), [other] * 100, silent)


def test_what_the_server_has_of_an_adapter_that_is_gone_stays_as_long_as_it_is_loaded(
    model: Path, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = files_for({"one": Loaded(folders["one"])}, model, Flags(""), [], silent)
    shutil.rmtree(folders["one"])
    there = loaded(alone)
    assert there["one"].source is None is source_of(alone["one"][0])
    flags = Flags("", alone["one"])
    both = files_for({**there, "two": Loaded(folders["two"])}, model, flags, [], silent)
    assert both["one"] == alone["one"] and all(file.is_file() for file in alone["one"])
    monkeypatch.setattr(command_line, "LONGEST", length_of(alone["one"]) + 10)
    with pytest.raises(HostError, match="'one' was loaded from is gone.*unload it first"):
        files_for({**there, "two": Loaded(folders["two"])}, model, flags, [], silent)
    files_for({"two": Loaded(folders["two"])}, model, Flags("", both["two"]), [], silent)
    assert not alone["one"][0].exists(), "once nobody needs them they go"


def test_an_adapter_that_cannot_become_finer_plays_on_as_it_is(
    model: Path, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = files_for({"one": Loaded(folders["one"])}, model, Flags(""), [], silent)
    with monkeypatch.context() as short:
        short.setattr(command_line, "LONGEST", length_of(alone["one"]) // 2)
        coarse = files_for({"one": Loaded(folders["one"])}, model, Flags(""), [], silent)
    (folders["one"] / "adapter_model.safetensors").write_bytes(b"damaged")
    assert files_for(loaded(coarse), model, Flags(""), [], silent) == coarse


def test_what_cannot_be_split_is_refused_by_its_name(model: Path, folders: dict[str, Path]) -> None:
    stranger = write_adapter(folders["one"].parent / "stranger", pairs({"model.layers.7.mlp.up_proj": (9, 9)}))
    with pytest.raises(HostError, match="runs/stranger cannot be played by llama.cpp"):
        files_for({"stranger": Loaded(stranger, called="runs/stranger")}, model, Flags(""), [], silent)
    (folders["two"] / "adapter_model.safetensors").write_bytes(b"damaged")
    with pytest.raises(HostError, match="two could not be split"):
        files_for({"two": Loaded(folders["two"])}, model, Flags(""), [], silent)
