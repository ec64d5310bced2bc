"""The command line: what it answers, where it writes, and its exit status."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers import tiny
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from lora_mixer.cli import main
from lora_mixer.cli.arguments import mix_from, named
from lora_mixer.cli.exits import DONE, FAILED, MISUSED
from lora_mixer.lora_ops import Fade, Faders, Mix

ROOT = Path(__file__).resolve().parents[2]
KINDS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model on disk, and two adapters for it."""
    folder = tmp_path_factory.mktemp("shelf")
    tiny.llama().save_pretrained(folder / "model")
    tiny.tokenizer().save_pretrained(folder / "model")
    model = tiny.pirate(target_modules=KINDS)
    model = tiny.add(model, tiny.lora(r=2, lora_alpha=2, target_modules=["q_proj", "v_proj"], use_rslora=True), "poet")
    model.save_pretrained(folder / "loras")
    return folder


def answer(capsys: pytest.CaptureFixture[str], *argv: Any, status: int = DONE) -> str:
    """What it prints on stdout; for errors, on stderr."""
    capsys.readouterr()
    assert main([str(word) for word in argv]) == status, capsys.readouterr().err
    said = capsys.readouterr()
    return said.out if status == DONE else said.err


def test_help_is_there_for_all_commands(capsys: pytest.CaptureFixture[str]):
    for command in ("inspect", "bake", "combine", "merge", "split", "loudness", "impact", "spectrum", "resize"):
        assert command in answer(capsys, "--help")
        assert "Example" in answer(capsys, command, "--help")


def test_inspect_one_and_a_shelf(shelf: Path, capsys: pytest.CaptureFixture[str]):
    loras = shelf / "loras"
    text = answer(capsys, "inspect", loras / "pirate")
    assert "lora" in text and "14" in text and "in vLLM" in text
    [one] = json.loads(answer(capsys, "inspect", loras / "pirate", "--json", "--hash"))
    assert (one["name"], one["ranks"], one["alphas"], one["targets"]) == ("pirate", [4], [8], 14)
    assert len(one["sha256"]) == 64 and one["objections"]["vLLM"] == []
    two = json.loads(answer(capsys, "inspect", loras, "--json"))
    assert [entry["name"] for entry in two] == ["pirate", "poet"]
    assert "poet" in answer(capsys, "inspect", loras)


def test_inspect_says_what_is_special(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copytree(shelf / "loras" / "pirate", tmp_path / "late")
    file = tmp_path / "late" / "adapter_config.json"
    changes = {"alora_invocation_tokens": [3, 4], "init_lora_weights": "olora", "use_super_lora": True}
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    for folder in (tmp_path / "late", tmp_path):
        text = answer(capsys, "inspect", folder)
        assert "aLoRA" in text and "OLoRA" in text
    [told] = json.loads(answer(capsys, "inspect", tmp_path / "late", "--json"))
    assert len(told["special"]) == 2 and "from its invocation tokens on" in str(told["special"])
    assert "for good" in told["changes_base"]
    assert "use_super_lora" in str(told["problems"])
    assert "special" not in answer(capsys, "inspect", shelf / "loras" / "pirate")


def test_a_damaged_adapter_on_a_shelf_is_shown_and_told_by_the_status(tmp_path: Path, capsys: Any):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "adapter_config.json").write_text("{")
    capsys.readouterr()
    assert main(["inspect", str(tmp_path)]) == MISUSED
    out = capsys.readouterr().out
    assert "damaged" in out and f"adapter_model.safetensors in {tmp_path / 'broken'}, so it is no adapter" in out
    assert "broken" in answer(capsys, "inspect", tmp_path / "broken", status=MISUSED)


def test_a_folder_on_a_shelf_that_is_no_adapter_is_no_damage(shelf: Path, tmp_path: Path, capsys: Any):
    shutil.copytree(shelf / "loras" / "poet", tmp_path / "poet")
    (tmp_path / "pictures").mkdir()
    text = answer(capsys, "inspect", tmp_path)
    assert "no adapter" in text and "damaged" not in text and "there is no adapter_config.json" in text
    [pictures, _] = json.loads(answer(capsys, "inspect", tmp_path, "--json"))
    assert not pictures["adapter"] and "no adapter" in pictures["error"]


def test_a_pipe_gets_long_lines_and_a_terminal_short_ones(shelf: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert str(shelf / "loras" / "pirate") in answer(capsys, "inspect", shelf / "loras" / "pirate")
    monkeypatch.setenv("COLUMNS", "40")
    assert max(map(len, answer(capsys, "inspect", shelf / "loras" / "pirate").splitlines())) <= 40


def test_a_merged_model_is_compared_unless_told_not_to(shelf: Path, tmp_path: Path, capsys: Any):
    argv = ["merge", shelf / "loras" / "pirate", "-g", "0.5", "--model", shelf / "model"]
    told = json.loads(answer(capsys, *argv, "-o", tmp_path / "one", "--json"))
    assert 0 <= told["greatest_difference"] < 5e-5 and told["why_unchecked"] == ""
    assert "read by stock transformers" in answer(capsys, *argv, "-o", tmp_path / "two")
    assert "not compared (not asked for)" in answer(capsys, *argv, "-o", tmp_path / "three", "--no-check")


def test_bake_with_gains_needs_no_model(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "soft"
    argv = ["bake", shelf / "loras" / "pirate", "--out", out, "-g", "0.5", "-g", "pirate:q_proj=0", "-g", "pirate:1=2"]
    told = json.loads(answer(capsys, *argv, "--json"))
    assert (told["folder"], told["silent"], told["greatest_difference"]) == (str(out), 2, None)
    model = PeftModel.from_pretrained(tiny.llama(), str(shelf / "loras" / "pirate"), adapter_name="pirate").eval()
    from lora_mixer.lora_ops import Desk

    Desk(model).apply(Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.0}, layers={1: 2.0})}))
    stock = PeftModel.from_pretrained(tiny.llama(), str(out)).eval()
    assert (tiny.logits(stock) - tiny.logits(model)).abs().max() < 2e-5
    assert "--overwrite" in answer(capsys, *argv, status=MISUSED)
    answer(capsys, *argv, "--overwrite")


def test_bake_with_a_profile_and_a_model(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    mix = Mix({"pirate": Faders(master=0.5), "somebody": Faders(master=3.0)})
    profile = tmp_path / "profile.json"
    profile.write_text(json.dumps({"version": 1, "name": "soft", "mix": mix.to_dict(), "note": ""}))
    plain = tmp_path / "mix.json"
    plain.write_text(json.dumps(mix.to_dict()))
    hashes = []
    for file in (profile, plain):
        argv = ["bake", shelf / "loras" / "pirate", "-o", tmp_path / file.stem, "-m", file, "--model", shelf / "model"]
        told = json.loads(answer(capsys, *argv, "--way", "patterned", "--json"))
        assert told["greatest_difference"] < 2e-5 and told["way"] == "patterned"
        hashes.append(json.loads((tmp_path / file.stem / "adapter_config.json").read_text())["lora_alpha"])
    assert hashes == [4, 4]
    assert "somebody" not in (tmp_path / "profile" / "README.md").read_text()


def test_combine_and_merge(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    loras = [shelf / "loras" / name for name in ("pirate", "poet")]
    both = ["combine", *loras, "-g", "pirate=0.5", "-g", "poet:v_proj=2"]
    told = json.loads(answer(capsys, *both, "-o", tmp_path / "both", "--model", shelf / "model", "--json"))
    assert told["rank"] == 6 and told["greatest_difference"] < 2e-5
    told = json.loads(answer(capsys, *both, "-o", tmp_path / "small", "--type", "svd", "--rank", "3", "--json"))
    assert told["rank"] == 3 and 0 < told["kept"] < 1
    assert "nothing in the way" in answer(capsys, *both, "-o", tmp_path / "plain")
    merged = ["merge", *loras, "-g", "pirate=0.5", "-g", "poet:v_proj=2", "--model", shelf / "model"]
    told = json.loads(answer(capsys, *merged, "-o", tmp_path / "whole", "--json"))
    assert told["names"] == ["pirate", "poet"] and told["targets"] == 14
    whole = AutoModelForCausalLM.from_pretrained(tmp_path / "whole").eval()
    stock = PeftModel.from_pretrained(tiny.llama(), str(tmp_path / "both")).eval()
    assert (tiny.logits(whole) - tiny.logits(stock)).abs().max() < 5e-5
    assert (tmp_path / "whole" / "tokenizer.json").is_file()


def test_impact_tells_and_saves_a_mix(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    ten = tmp_path / "three.json"
    argv = ["impact", shelf / "loras" / "pirate", "--model", shelf / "model", "--text", "Ahoy there"]
    told = json.loads(answer(capsys, *argv, "--keep-top", "3", "--save", ten, "--json"))
    assert len(told["targets"]["pirate"]) == 14 and told["complete"]
    mix = Mix.from_dict(json.loads(ten.read_text()))
    assert sum(gain == 0 for gain in mix["pirate"].modules.values()) == 11
    assert "pirate: kind" in answer(capsys, *argv, "--by", "kind")
    baked = json.loads(answer(capsys, "bake", argv[1], "-o", tmp_path / "three", "-m", ten, "--drop-silent", "--json"))
    assert (baked["targets"], baked["silent"]) == (3, 11) and baked["dropped"]
    said = answer(capsys, "bake", argv[1], "-o", tmp_path / "again", "-m", ten, "--drop-silent")
    assert "3, without 11 silent ones" in said
    assert "3, without 11 silent ones" in (tmp_path / "again" / "README.md").read_text()
    assert "14, of which 11 were silent" in answer(capsys, "bake", argv[1], "-o", tmp_path / "whole", "-m", ten)


def test_loudness_tells_each_part(shelf: Path, capsys: pytest.CaptureFixture[str]):
    argv = ["loudness", shelf / "loras" / "pirate", "--model", shelf / "model"]
    told = json.loads(answer(capsys, *argv, "--json"))
    assert len(told["targets"]["pirate"]) == 14 and len(told["kinds"]["pirate"]) == 7
    half = json.loads(answer(capsys, *argv, "--json", "--gain", "0.5"))
    for name, value in told["targets"]["pirate"].items():
        assert half["targets"]["pirate"][name] == pytest.approx(value / 2)
    assert "pirate: layer" in answer(capsys, *argv)


def test_a_place_that_cannot_be_written_is_named(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").write_text("x")
    said = answer(capsys, "bake", shelf / "loras" / "pirate", "-o", tmp_path / "file" / "new", status=FAILED)
    assert said.startswith(f"error: {tmp_path / 'file'}") and "Errno" not in said and "--overwrite" not in said


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], "Usage"),
        (["fry"], "No such command"),
        (["bake"], "Missing argument"),
        (["bake", "{loras}/nobody", "-o", "{out}/x"], "nobody"),
        (["bake", "{loras}/pirate", "-o", "{out}/x", "-g", "loud"], "is no number"),
        (
            ["bake", "{loras}/pirate", "-o", "{out}/x", "-g", "nan"],
            "master: Input should be a finite number (got nan)",
        ),
        (["bake", "{loras}/pirate", "-o", "{out}/x", "-g", "parrot=1"], "no adapter 'parrot'"),
        (["bake", "{loras}/pirate", "-o", "{out}/x", "-g", "pirate:z_proj=2"], "no kind 'z_proj'"),
        (["bake", "{loras}/pirate", "-o", "{out}/x", "-g", "pirate:77=2"], "no layer 77"),
        (["bake", "{loras}/pirate", "-o", "{out}/x", "-m", "{out}/none.json"], "cannot be read"),
        (["bake", "{loras}/pirate", "-o", "{out}/.x"], "cannot be a name"),
        (["bake", "{loras}/pirate", "-o", "{out}/x", "--way", "fried"], "fried"),
        (["bake", "{loras}/pirate", "-o", "{out}/x", "--model", "{out}/nothing"], "does not exist"),
        (["combine", "{loras}/pirate", "{loras}/poet", "-o", "{out}/x", "-g", "0.5"], "say which adapter"),
        (["combine", "{loras}/pirate", "{loras}/poet", "-o", "{out}/x", "--type", "ties"], "density"),
        (["combine", "a={loras}/pirate", "a={loras}/poet", "-o", "{out}/x"], "two adapters have the name"),
        (["merge", "{loras}/pirate", "-o", "{out}/x"], "--model"),
        (["impact", "{loras}/pirate", "--model", "{out}", "--keep-top", "3"], "--save"),
    ],
    ids=str,
)
def test_what_is_not_understood_is_told_with_status_2(
    argv: list[str], says: str, shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = [word.format(loras=shelf / "loras", out=tmp_path) for word in argv]
    assert main(words) == (DONE if not argv else MISUSED) or not argv
    said = capsys.readouterr()
    assert says in " ".join((said.err + said.out).split())
    assert list(tmp_path.iterdir()) == []


def test_what_fails_on_the_way_has_status_1(shelf: Path, tmp_path: Path, capsys: Any, monkeypatch: Any):
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    argv = ["bake", shelf / "loras" / "pirate", "-o", tmp_path / "x"]
    assert "disk is full" in answer(capsys, *argv, status=FAILED)
    assert list(tmp_path.iterdir()) == []
    assert "Traceback" in answer(capsys, *argv, "--debug", status=FAILED)


def test_a_mix_for_another_adapter_says_what_to_write(tmp_path: Path):
    file = tmp_path / "mix.json"
    file.write_text(json.dumps(Mix({"pirate": Faders(master=0.5)}).to_dict()))
    with pytest.raises(ValueError, match="pirate=FOLDER"):
        mix_from(file, None, ["other"])
    assert mix_from(file, ["2"], ["pirate"])["pirate"].master == 2
    for text in ("[", "[]", '{"adapters": 3}', '{"mix": {"adapters": {"pirate": {"master": "loud"}}}}'):
        file.write_text(text)
        with pytest.raises(ValueError, match="mix.json"):
            mix_from(file, None, ["pirate"])


def test_a_fade_is_taken_at_a_token(tmp_path: Path):
    file = tmp_path / "mix.json"
    fading = Mix({"pirate": Faders(fades={"master": Fade.parse("0 at 0, 1 at 10")})})
    file.write_text(json.dumps(fading.to_dict()))
    assert mix_from(file, None, ["pirate"], at=5)["pirate"] == Faders(master=0.5)


def test_a_fade_is_baked_at_a_token_alone(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, new = tmp_path / "mix.json", tmp_path / "new"
    file.write_text(json.dumps(Mix({"pirate": Faders(fades={"master": Fade.parse("0 at 0, 1 at 10")})}).to_dict()))
    argv = ["bake", shelf / "loras" / "pirate", "-m", file, "-o", new]
    why = answer(capsys, *argv, status=MISUSED)
    assert "fades over a reply" in why and "--at-token (from token 10 on they stand still)" in " ".join(why.split())
    assert not new.exists()
    assert json.loads(answer(capsys, *argv, "--at-token", 5, "--json"))["way"] == "folded"


def test_names_of_adapters(tmp_path: Path):
    for name in ("a.b", "c"):
        (tmp_path / name).mkdir()
    assert named([str(tmp_path / "a.b"), f"d={tmp_path / 'c'}"]) == {"d": tmp_path / "c", "a_b": tmp_path / "a.b"}
    with pytest.raises(ValueError, match="no dots"):
        named([f"a.b={tmp_path}"])


@pytest.mark.parametrize("how", ["module", "folder"])
def test_it_starts_as_a_module_and_as_a_folder_of_any_name(how: str, tmp_path: Path):
    """Help comes without torch: it is there at once."""
    done = a_process(how, tmp_path, "--help", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == DONE and "inspect" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "typer.main" in imported and not imported & {"torch", "transformers", "peft", "gradio"}


def test_it_works_as_a_folder_of_any_name(tmp_path: Path, shelf: Path):
    done = a_process("folder", tmp_path, "inspect", str(shelf / "loras" / "poet"), "--json")
    assert json.loads(done.stdout)[0]["name"] == "poet"


def a_process(how: str, home: Path, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own: as a module, or as a folder that is called something else."""
    folder = home / ("lora_mixer" if how == "module" else "some-clone 2")
    folder.symlink_to(ROOT)
    start = ["-m", "lora_mixer"] if how == "module" else [str(folder)]
    env = {**os.environ, "PYTHONPATH": str(home), **environment}
    return subprocess.run(
        [sys.executable, *start, *argv], env=env, cwd=home, capture_output=True, text=True, timeout=120
    )


def test_without_its_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: Any):
    monkeypatch.setitem(sys.modules, "rich", None)
    assert main(["--help"]) == FAILED
    assert "requirements.txt" in capsys.readouterr().err


def test_the_same_seed_writes_the_same_weights(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for name in ("one", "two"):
        argv = ["combine", *(shelf / "loras" / one for one in ("pirate", "poet")), "-o", tmp_path / name]
        answer(capsys, *argv, "--type", "dare_linear_svd", "--density", "0.5", "--seed", "3")
    one, two = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("one", "two"))
    assert all(one[key].equal(two[key]) for key in one) and set(one) == set(two)


def test_an_environment_without_what_it_is_built_on_is_told(
    shelf: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)  # as if it was not installed
    adapter = shutil.copytree(shelf / "loras" / "pirate", shelf / "not read before")
    told = answer(capsys, "inspect", adapter, status=FAILED)
    assert "safetensors is not installed here" in told and "run.py mixer" in told
