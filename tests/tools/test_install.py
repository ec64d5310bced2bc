"""Setting up an environment: nothing moves what is pinned, and what went wrong is told with its likely cause."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lora_mixer.tools import install as installing
from lora_mixer.tools.environments import DOCS, NEWEST, OLDEST
from lora_mixer.tools.install import LLAMA, MODEL, PACKAGES, TOOLS, TORCH, install, run_step, torch_pin
from lora_mixer.tools.processes import SetupError


@pytest.mark.parametrize("name", [OLDEST, NEWEST])
@pytest.mark.parametrize("layer", [TORCH, PACKAGES, MODEL, LLAMA, TOOLS])
def test_no_layer_moves_what_the_environments_list_pins(
    name: str, layer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(installing, "run_step", lambda title, command, log: ran.append(list(command)))
    monkeypatch.setattr(installing, "reachable", lambda url: False)
    install(layer, name, Path("python"), "", tmp_path / "log")
    [command] = ran
    listed = installing.requirements(name, PACKAGES)
    assert listed.is_file()
    if layer == TORCH:
        assert torch_pin(name) in command
    elif layer == MODEL:
        assert "--no-deps" in command
    else:
        assert command[command.index("-c") + 1] == str(listed)
        assert Path(command[command.index("-r") + 1]).is_file()


def test_a_list_without_torch_says_so() -> None:
    with pytest.raises(SetupError, match=r"docs\.txt pins no torch"):
        torch_pin(DOCS)


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("WARNING: Retrying (Retry(total=4)) after connection broken", "HTTPS_PROXY"),
        ("ERROR: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: No matching distribution found for x", ""),
    ],
)
def test_a_step_that_fails_says_what_it_said_last_and_why(said: str, hint: str, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    code = f"print('Collecting x'); print({said!r}); raise SystemExit(1)"
    with pytest.raises(SetupError) as caught:
        run_step("packages", [sys.executable, "-c", code], log)
    assert said in str(caught.value) and str(log) in str(caught.value) and hint in str(caught.value)
    assert log.read_text().splitlines() == ["Collecting x", said]


def test_a_step_that_goes_well_shows_that_it_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_step("packages", [sys.executable, "-c", "print('Collecting x')"], tmp_path / "log.txt")
    assert capsys.readouterr().out.rstrip().endswith("done")


def test_a_cpu_build_that_cannot_be_had_is_not_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def step(title: str, command: list[str], log: Path) -> None:
        ran.append(command[-1])
        if "+cpu" in " ".join(command):
            raise SetupError("no such build")

    monkeypatch.setattr(installing, "run_step", step)
    monkeypatch.setattr(installing, "reachable", lambda url: True)
    monkeypatch.setattr(sys, "platform", "linux")
    installing.install_torch(["pip"], [], "torch==9", tmp_path / "log")
    assert ran[-1] == "torch==9" and len(ran) == 2
    installing.install_torch(["pip"], ["torch==8", "--pre"], "torch==9", tmp_path / "log")
    assert ran[-1] == "--pre", "what somebody names is taken instead"
