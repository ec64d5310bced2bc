"""Which mixes requests may ask for: profiles as models, mixes in full, and one of the two at most."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.toy_engine import ToyEngine

from lora_mixer.hosts.openai_refusal import Refusal
from lora_mixer.hosts.protocol import Trouble
from lora_mixer.hosts.requested_mixes import RequestedMixes
from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.profile import Profile
from lora_mixer.lora_ops.profiles import FOLDER, Profiles

SOFT = Mix({"pirate": Faders(master=0.25)})


def host_of(folder: Path | None) -> Any:
    return SimpleNamespace(
        model_name="Toy:7B",
        multi_user=folder is None,
        user_data=folder,
        loaded_adapters=lambda: {"pirate": None},
        trouble=lambda: Trouble("No adapter is loaded", "Load one."),
    )


def desk_of_a_toy() -> Callable[[], Desk]:
    desk = Desk(ToyEngine())
    return lambda: desk


@pytest.fixture
def mixes(tmp_path: Path) -> RequestedMixes:
    profiles = Profiles(tmp_path / FOLDER)
    profiles.save(Profile(name="soft & low", mix=SOFT))
    profiles.save(Profile(name="for another", mix=Mix({"butler": Faders(master=0.5)})))
    (tmp_path / FOLDER / "damaged.json").write_text("{")
    return RequestedMixes(host_of(tmp_path), desk_of_a_toy())


def test_the_profiles_that_fit_are_models(mixes: RequestedMixes) -> None:
    assert list(mixes.models()) == ["Toy:7B:soft & low"]


def test_a_models_name_may_ask_for_a_profile(mixes: RequestedMixes) -> None:
    assert mixes.of("toy:7b:soft & low", {}) == SOFT
    assert mixes.of("Toy:7B", {}) is mixes.of("", {"lora_mix": None}) is mixes.of("another:soft & low", {}) is None
    assert mixes.of("Toy:7B", {"lora_mix": "soft & low"}) == mixes.of("", {"lora_mix": {"pirate": 0.25}}) == SOFT


@pytest.mark.parametrize(
    ("model", "asked", "code", "param", "names"),
    [
        ("", "loud", "profile_not_found", "lora_mix", "loud"),
        ("", "../soft & low", "profile_not_found", "lora_mix", "soft & low"),
        ("Toy:7B:loud", None, "model_not_found", "model", "loud"),
        ("Toy:7B:for another", None, "invalid_lora_mix", "model", "butler"),
        ("", "damaged", "profile_not_found", "lora_mix", "damaged"),
        ("", {"butler": 1}, "invalid_lora_mix", "lora_mix", "butler"),
        ("Toy:7B:soft & low", {"pirate": 1}, "invalid_lora_mix", "lora_mix", "soft & low"),
    ],
)
def test_what_is_not_there_is_refused_by_name(
    mixes: RequestedMixes, model: str, asked: Any, code: str, param: str, names: str
) -> None:
    with pytest.raises(Refusal) as refusal:
        mixes.of(model, {"lora_mix": asked})
    said = refusal.value
    assert (said.status, said.code, said.param) == (400, code, param)
    assert names in said.message and said.message.startswith(f"{param}: ") or model in said.message


def test_without_a_desk_a_mix_is_refused_with_what_to_do(tmp_path: Path) -> None:
    mixes = RequestedMixes(host_of(tmp_path), lambda: None)
    assert mixes.models() == {} and mixes.of("Toy:7B", {}) is None
    with pytest.raises(Refusal, match="No adapter is loaded. Load one"):
        mixes.of("", {"lora_mix": 0.5})


def test_where_strangers_share_the_page_there_are_mixes_and_no_profiles() -> None:
    mixes = RequestedMixes(host_of(None), desk_of_a_toy())
    assert mixes.models() == {} and mixes.of("", {"lora_mix": {"pirate": 0.25}}) == SOFT
    with pytest.raises(Refusal, match="no profile 'soft'"):
        mixes.of("", {"lora_mix": "soft"})
