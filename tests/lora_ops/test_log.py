"""The log: where errors came from, without what was said; in a file that stays small, and that processes share."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

import lora_mixer
from lora_mixer.lora_ops import log

PROMPT = "My secret recipe for apple pie"


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    yield
    log.keep(None)


def text_of(folder: Path) -> str:
    return (folder / log.NAME).read_text(encoding="utf-8")


def raised(error: BaseException) -> BaseException:
    """The error, as it is once it was raised."""
    try:
        raise error
    except BaseException as caught:
        return caught


def test_nothing_is_made_before_there_is_something_to_write(tmp_path: Path):
    log.keep(tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
    log.note(raised(ValueError("no")))
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [log.NAME]


def test_an_error_is_there_with_where_it_happened_and_what_is_installed(tmp_path: Path):
    log.keep(tmp_path)
    try:
        try:
            print({}["nothing"])
        except KeyError as error:
            raise ValueError("the faders do not fit") from error
    except ValueError as error:
        log.note(error)
    head, *rest = text_of(tmp_path).splitlines()
    assert f"LoRA Mixer {lora_mixer.__version__}, Python " in head and "torch " in head and "gradio " in head
    assert "test_log" in rest[0] and any("the faders do not fit" in line for line in rest)
    assert any('print({}["nothing"])' in line for line in rest) and any("KeyError" in line for line in rest)


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    log.keep(tmp_path / "kept")
    log.keep(None)
    log.note(raised(ValueError("no")))
    assert list(tmp_path.iterdir()) == [] and log.last_lines(None) == []


def test_an_error_is_written_once_and_the_same_again_and_again_too(tmp_path: Path):
    log.keep(tmp_path)
    error = raised(ValueError("only once"))
    log.note(error)
    log.note(error)
    for _ in range(5):  # as a page that asks every two seconds has it
        log.note(raised(OSError("the disk")))
    text = text_of(tmp_path)
    assert (text.count("only once"), text.count("the disk")) == (1, 1)


def test_the_file_stays_small_and_every_one_says_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(log, "MOST", 4000)
    log.keep(tmp_path)
    for number in range(120):
        log.note(raised(ValueError(f"number {number}")))
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == [log.NAME, f"{log.NAME}.1", f"{log.NAME}.2"]
    for name in files:
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert len(text) < 5000 and text.splitlines()[0].count("LoRA Mixer") == 1
    assert "number 119" in text_of(tmp_path)


WRITER = """
import importlib.util, sys
root = sys.argv[1]
spec = importlib.util.spec_from_file_location("lora_mixer", root + "/__init__.py", submodule_search_locations=[root])
package = importlib.util.module_from_spec(spec); sys.modules["lora_mixer"] = package; spec.loader.exec_module(package)
from pathlib import Path
from lora_mixer.lora_ops import log
log.keep(Path(sys.argv[2]))
for number in range(40):
    log.note(ValueError(f"<{sys.argv[3]} {number}>"))
"""


def test_processes_and_threads_that_write_at_once_lose_nothing(tmp_path: Path):
    root = str(Path(lora_mixer.__file__).parent)
    others = [
        subprocess.Popen([sys.executable, "-c", WRITER, root, str(tmp_path), name], stderr=subprocess.PIPE)
        for name in ("one", "two")
    ]
    log.keep(tmp_path)

    def write(name: str) -> None:
        for number in range(40):
            log.note(ValueError(f"<{name} {number}>"))

    threads = [threading.Thread(target=write, args=(name,)) for name in ("three", "four")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        assert (other.communicate()[1], other.returncode) == (b"", 0)
    text = text_of(tmp_path)
    for name in ("one", "two", "three", "four"):
        assert [number for number in range(40) if f"<{name} {number}>" not in text] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [log.NAME]


def test_what_cannot_be_written_fails_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").touch()
    log.keep(tmp_path / "file" / "folder")
    log.note(raised(ValueError("no")))
    (tmp_path / "taken" / log.NAME).mkdir(parents=True)
    log.keep(tmp_path / "taken")
    log.note(raised(ValueError("no")))
    assert capsys.readouterr() == ("", "")


def test_a_file_that_is_deleted_meanwhile_is_begun_anew(tmp_path: Path):
    log.keep(tmp_path)
    log.note(raised(ValueError("before")))
    (tmp_path / log.NAME).unlink()
    log.note(raised(ValueError("after")))
    text = text_of(tmp_path)
    assert "before" not in text and "after" in text and text.startswith("2") and "LoRA Mixer" in text.splitlines()[0]


def test_warnings_still_reach_the_terminal_and_what_a_page_tells_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    log.keep(tmp_path)
    logging.getLogger("lora_mixer.ui.page.console").warning("no profile was put back: %s", ValueError(f"“{PROMPT}”"))
    log.note(raised(ValueError("told on the page")))
    said = capsys.readouterr().err
    assert "no profile was put back" in said and "told on the page" not in said
    assert "no profile was put back" in text_of(tmp_path) and PROMPT not in text_of(tmp_path)


def test_the_last_lines_are_the_last(tmp_path: Path):
    log.keep(tmp_path)
    for number in range(50):
        log.note(raised(ValueError(f"number {number} of them")))
    lines = log.last_lines(tmp_path, 12)
    assert len(lines) == 12 and "number 49" in lines[-1] and "number 3 " not in "".join(lines)


class Named(BaseModel):
    name: int


def pydantics() -> ValidationError:
    try:
        Named(name=PROMPT)  # type: ignore[arg-type]
    except ValidationError as error:
        return error
    raise AssertionError


def number_of(text: str) -> BaseException:
    try:
        return ValueError(int(text))
    except ValueError as error:
        return error


@pytest.mark.parametrize(
    "error",
    [
        KeyError(PROMPT),
        ValueError(f"nobody knows {PROMPT!r}"),
        ValueError(f"Prompt 3 (“{PROMPT}”): it does not fit"),
        ValueError(f"it's not \"{PROMPT}\", it can't be"),
        RuntimeError(f"cannot read\n'{PROMPT}\\n{PROMPT}'"),
        pydantics(),
        number_of(PROMPT),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_user_wrote_is_not_written_down(error: BaseException, tmp_path: Path):
    log.keep(tmp_path)
    log.note(error)
    text = text_of(tmp_path)
    assert type(error).__name__ in text
    assert "apple" not in text and "secret" not in text
