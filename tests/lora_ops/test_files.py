"""Writing: all of the old or all of the new, whoever is killed, however many write, and whatever the disk says."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from helpers import killing, together

from lora_mixer.lora_ops.files import folder_aside, put_right, safe_name

OLD, NEW = ({"one": text, "two": text} for text in ("old", "new"))
#: What may be there after a kill, and what may lie about besides it.
AFTER: dict[str, tuple[list[Any], list[str]]] = {
    "overwritten": ([OLD, NEW], ["pirate/one", "pirate/two"]),
    "first": ([None, NEW], ["pirate/one", "pirate/two"]),
    "profile": ([{"quiet": "old"}, {"quiet": "new"}], ["profiles/quiet.json"]),
    "capitals": (
        [{"quiet": "old"}, {"quiet": "new"}, {"QUIET": "new"}],
        ["profiles/quiet.json", "profiles/QUIET.json"],
    ),
    "renamed": ([{"quiet": "old"}, {"loud": "old"}], ["profiles/quiet.json", "profiles/loud.json"]),
    "notes": ([[{"pirate": "old"}, {"a": ["pirate"]}], [{"pirate": "new"}, {"b": ["pirate"]}]], ["shelf.json"]),
}


@pytest.mark.parametrize("case", killing.CASES)
def test_whenever_a_writer_is_killed_the_old_or_the_new_is_there_and_nothing_else(case: str, tmp_path: Path) -> None:
    allowed, files = AFTER[case]
    said = subprocess.run(
        [sys.executable, "-m", "helpers.killing", case, str(tmp_path)],
        cwd=Path(killing.__file__).parents[1],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    kills = json.loads(said.stdout)
    assert len(kills) > 10 and not kills[-1]["killed"] and all(kill["killed"] for kill in kills[:-1])
    for kill in kills:
        assert kill["there"] in allowed, kill
        assert set(kill["about"]) <= set(files), kill
    assert kills[0]["there"] == allowed[0] and kills[-1]["there"] == allowed[-1]


def test_what_another_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    with folder_aside(tmp_path / "pirate") as aside:
        (aside / "one").write_text("old")
    process = together.under_way(tmp_path)
    put_right(tmp_path)
    assert (tmp_path / "pirate" / "one").read_text() == "old"
    assert any(path.name.endswith(".part") for path in tmp_path.iterdir())
    with folder_aside(tmp_path / "poet") as aside:  # nor does another write beside it
        (aside / "one").write_text("poem")
    process.communicate("\n", timeout=60)
    assert process.returncode == 0
    assert {path.name: path.read_text() for path in (tmp_path / "pirate").iterdir()} == NEW
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pirate", "poet"]


def test_what_this_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    with folder_aside(tmp_path / "pirate") as aside:
        (aside / "one").write_text("new")
        put_right(tmp_path)
        assert (aside / "one").read_text() == "new"
    assert (tmp_path / "pirate" / "one").exists()


def test_several_processes_overwrite_one_folder_and_it_is_whole(tmp_path: Path) -> None:
    together.at_once("folder", tmp_path, "abc", 15)
    texts = {path.read_text() for path in (tmp_path / "pirate").iterdir()}
    assert len(texts) == 1 and texts.pop()[1:] == "-14"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pirate"]


def test_of_several_that_take_one_name_without_leave_one_has_it(tmp_path: Path) -> None:
    ready, refused = threading.Barrier(4), []

    def write() -> None:
        try:
            with folder_aside(tmp_path / "pirate") as aside:
                (aside / "one").touch()
                ready.wait(30)
        except FileExistsError as error:
            refused.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3 and sorted(path.name for path in tmp_path.iterdir()) == ["pirate"]


def test_files_of_others_that_are_called_alike_are_never_touched(tmp_path: Path) -> None:
    kept = [
        ".pirate.1a2b3c4d.part",
        ".pirate.20240101.old",
        ".pirate.lora-mixer.part",
        "pirate.1a2b3c4d.lora-mixer.old",
    ]
    for name in kept:
        (tmp_path / name).mkdir()
    put_right(tmp_path, files=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


def test_a_link_that_is_overwritten_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine").touch()
    (tmp_path / "loras").mkdir()
    (tmp_path / "loras" / "pirate").symlink_to(tmp_path / "elsewhere")
    with folder_aside(tmp_path / "loras" / "pirate", overwrite=True) as aside:
        (aside / "one").touch()
    assert (tmp_path / "elsewhere" / "mine").exists() and not (tmp_path / "loras" / "pirate").is_symlink()
    assert sorted(path.name for path in (tmp_path / "loras").iterdir()) == ["pirate"]


@pytest.mark.parametrize("name", ["x" * 10_000_000, "\ud800", "a\x00b", "a\u2028b", "x" * 121])
def test_a_name_that_no_file_can_have_is_refused_in_few_words(name: str) -> None:
    with pytest.raises(ValueError) as refused:
        safe_name(name)
    assert len(str(refused.value)) < 200
    str(refused.value).encode()
