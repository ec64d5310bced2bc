"""`learn` on the command line."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from helpers.command_line import answer

from lora_mixer.cli.exits import MISUSED
from lora_mixer.lora_ops import Mix, Record, Records, TrialRecord, Vote
from lora_mixer.lora_ops.learning.learn import Learning
from lora_mixer.lora_ops.learning.learned import Update
from lora_mixer.lora_ops.profiles import Profiles
from lora_mixer.lora_ops.results.record import ColumnRecord, ReplyRecord


def test_learn_tells_what_the_mix_is_worth_and_saves_it(
    shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file, out = tmp_path / "wanted.jsonl", tmp_path / "mix.json"
    file.write_text("\n".join(json.dumps({"prompt": f"Ahoy {at}", "completion": "the sea " * 6}) for at in range(8)))
    argv = ["learn", shelf / "loras" / "pirate", "--model", shelf / "model", "--examples", file]
    told = json.loads(answer(capsys, *argv, "--over", "masters", "--over", "kinds", "--save", out, "--json"))
    assert len(told["held_out"]) == 2 and told["complete"] and told["after"] <= told["before"]
    assert out.exists() == told["learned"]
    if told["learned"]:
        assert Mix.from_dict(json.loads(out.read_text())) == Mix.from_dict(told["mix"])
    assert "nats per token" in answer(capsys, *argv, "--over", "masters")


@pytest.fixture
def wanted(tmp_path: Path) -> Path:
    """Examples that one adapter can be turned towards."""
    file = tmp_path / "wanted.jsonl"
    file.write_text("\n".join(json.dumps({"prompt": f"Ahoy {at}", "completion": "the sea " * 6}) for at in range(8)))
    return file


def test_what_was_learned_is_kept_as_a_profile_and_baked(
    shelf: Path, wanted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    data, out = tmp_path / "data", tmp_path / "fits"
    argv = ["learn", shelf / "loras" / "pirate", "--model", shelf / "model", "--examples", wanted, "--over", "targets"]
    argv += ["--data", data, "--save-profile", "fits", "--bake", out]
    said = answer(capsys, *argv)
    assert "8 examples, each in its turn" in said
    kept = Profiles(data / "profiles").load("fits")
    assert kept.mix["pirate"].modules and kept.model == "model"
    assert (out / "adapter_model.safetensors").exists()
    # What is there stays, and is looked for before anything is learned.
    assert "exists already" in answer(capsys, *argv, status=MISUSED)
    answer(capsys, *argv, "--overwrite", "--keep-own")


def test_ctrl_c_ends_it_with_the_best_mix_so_far_written(
    shelf: Path, wanted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    class Pressed(Learning):
        """Somebody presses Ctrl+C once a mix is known that is better than the one that it began with."""

        def __iter__(self) -> Generator[Update, None, None]:
            for update in super().__iter__():
                if update.point is not None and update.point.mix != Mix():
                    signal.raise_signal(signal.SIGINT)
                yield update

    monkeypatch.setattr("lora_mixer.lora_ops.learning.learn.Learning", Pressed)
    out = tmp_path / "mix.json"
    argv = ["learn", shelf / "loras" / "pirate", "--model", shelf / "model", "--examples", wanted, "--over", "masters"]
    told = json.loads(answer(capsys, *argv, "--save", out, "--json"))
    assert not told["complete"] and told["learned"]
    assert Mix.from_dict(json.loads(out.read_text())) == Mix.from_dict(told["mix"]) != Mix()


def test_it_learns_over_faders_that_are_named(
    shelf: Path, wanted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    argv = ["learn", shelf / "loras" / "pirate", "--model", shelf / "model", "--examples", wanted, "--json"]
    told = json.loads(answer(capsys, *argv, "--over", ":q_proj", "--over", "pirate:1"))
    for point in told["curve"]:
        faders = point["mix"]["adapters"].get("pirate", {})
        assert set(faders.get("kinds", {})) <= {"q_proj"} and set(faders.get("layers", {})) <= {"1"}
        assert not faders.get("modules")
    assert "no adapter 'poet'" in answer(capsys, *argv, "--over", "poet:q_proj", status=MISUSED)
    assert "nothing to learn over called 'knobs'" in answer(capsys, *argv, "--over", "knobs", status=MISUSED)


def test_it_learns_from_votes_that_were_kept(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    argv = ["learn", shelf / "loras" / "pirate", "--model", shelf / "model", "--votes", "--data", tmp_path]
    assert "there are no votes in" in answer(capsys, *argv, status=MISUSED)
    records = Records(tmp_path / "records.sqlite")
    columns = (ColumnRecord("A", Mix()), ColumnRecord("B", Mix()))
    trials = tuple(TrialRecord(f"Ahoy {at}", at, (ReplyRecord("the sea"), ReplyRecord("a ship"))) for at in range(3))
    votes = tuple(Vote(at, 0, 1, "left") for at in range(3))
    records.add(Record("another", columns, trials=trials, votes=votes))
    assert "but on those of another" in answer(capsys, *argv, status=MISUSED)
    records.add(Record("model", columns, trials=trials, votes=votes))
    told = json.loads(answer(capsys, *argv, "--json"))
    assert not told["learned"] and "17 more would tell" in told["note"] and told["before"] is None
    assert "0 votes" in answer(capsys, *argv)


def test_what_is_no_source_is_refused(shelf: Path, wanted: Path, capsys: pytest.CaptureFixture[str]):
    argv = ["learn", shelf / "loras" / "pirate", "--model", shelf / "model"]
    assert "nothing to learn from" in answer(capsys, *argv, status=MISUSED)
    assert "texts to keep alone teach nothing" in answer(capsys, *argv, "--keep", wanted, status=MISUSED).lower()
    assert "not from both" in answer(capsys, *argv, "--votes", "--examples", wanted, status=MISUSED)


@pytest.mark.parametrize(
    "text, says",
    [
        ('{"prompt": "Ahoy", "completion": "the sea"}', "at least two examples, and was given 1"),
        ('{"prompt": "Ahoy", "completion": ""}', "line 1: the completion is empty"),
        ('{"prompt": "Ahoy", "completion": "the sea"}\n{"prompt": "Ahoy", "completion": "%s"}' % ("sea " * 9000),
         "example 2 is .* tokens long; this model reads"),
        ('{"messages": [{"role": "user", "content": "Ahoy"}]}', "no message of the assistant"),
        ("", "is empty"),
    ],
    ids=["one example", "a reply without a token", "longer than the context", "no reply", "nothing"],
)  # fmt: skip
def test_examples_that_cannot_be_learned_from_are_refused_with_the_reason(
    shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
):
    file = tmp_path / "wanted.jsonl"
    file.write_text(text)
    argv = ["learn", shelf / "loras" / "pirate", "--model", shelf / "model", "--examples", file]
    assert re.search(says, answer(capsys, *argv, status=MISUSED))


def test_a_file_that_is_no_jsonl_is_refused_before_a_model_is_loaded(
    shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "wanted.jsonl"
    file.write_text("Ahoy there")
    said = answer(capsys, "learn", shelf / "loras" / "pirate", "--model", tmp_path, "--examples", file, status=MISUSED)
    assert "wanted.jsonl, line 1: this is no JSON" in said
