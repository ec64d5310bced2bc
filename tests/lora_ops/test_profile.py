"""One profile: what it remembers, and its file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import tiny
from helpers.profiled import QUIET, quiet
from hypothesis import given

from lora_mixer.lora_ops import Desk, Mix
from lora_mixer.lora_ops.profiles import (
    Profile,
    ProfileError,
    read_mix,
)


@given(mix=tiny.mixes(Desk(tiny.two()).adapters.values()))
@tiny.some
def test_any_mix_survives_its_file(mix: Mix) -> None:
    profile = Profile(name="a", mix=mix, note="é\n", restore=True)
    assert Profile.from_json(profile.to_json()) == profile


def test_a_mix_or_a_profile_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text in (json.dumps(QUIET.to_dict()), quiet().to_json()):
        path.write_text(text, "utf-8")
        assert read_mix(path) == QUIET
    for text, says in (("{", "a.json"), ('{"adapters": {"a": 1}}', "no mix"), ('{"mix": 1}', "no profile")):
        path.write_text(text)
        with pytest.raises(ProfileError, match=says):
            read_mix(path)
    with pytest.raises(ProfileError, match="cannot be read"):
        read_mix(tmp_path / "nothing.json")
