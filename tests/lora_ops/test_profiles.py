"""Profiles: kept as JSON for people, found again, put back by themselves, and saved by several at once."""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from pathlib import Path

import pytest
from helpers import tiny, together
from helpers.profiled import HASH, QUIET, quiet
from hypothesis import given, settings
from hypothesis import strategies as st

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.profiles import (
    AdapterFacts,
    Profile,
    ProfileError,
    Profiles,
    read_mix,
)


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(tiny.two())


@pytest.fixture
def profiles(tmp_path: Path) -> Profiles:
    return Profiles(tmp_path / "profiles")


def test_it_remembers_what_it_was_made_with(desk: Desk, profiles: Profiles, tmp_path: Path) -> None:
    kept = profiles.save(Profile.of(" quiet ", desk, QUIET, model="tiny", hashes={"pirate": HASH}, restore=True))
    assert kept.name == "quiet" and profiles.load("quiet") == kept
    data = json.loads((tmp_path / "profiles" / "quiet.json").read_text("utf-8"))
    assert data["version"] == 1 and data["model"] == "tiny" and data["restore"] is True
    assert data["adapters"]["pirate"]["hash"] == HASH and data["adapters"]["pirate"]["layers"] == [0, 1]
    assert data["adapters"]["poet"]["kinds"] == ["q_proj", "v_proj"]
    assert Mix.from_dict(data["mix"]) == QUIET
    assert kept.needs == {"pirate"}


def test_saved_listed_renamed_and_deleted(profiles: Profiles) -> None:
    assert profiles.list() == []
    for name in ("take 10", "take 9", "Loud"):
        profiles.save(quiet(name))
    assert [profile.name for profile in profiles.list()] == ["Loud", "take 9", "take 10"]
    with pytest.raises(ProfileError, match="'Loud' already"):
        profiles.save(quiet("Loud"))
    profiles.save(quiet("Loud", note="again"), overwrite=True)
    assert profiles.load("Loud").note == "again"
    assert profiles.rename("Loud", "Soft").note == "again"
    with pytest.raises(ProfileError, match="'Soft' already"):
        profiles.rename("take 9", "Soft")
    profiles.delete("take 9")
    assert [profile.name for profile in profiles.list()] == ["Soft", "take 10"]
    with pytest.raises(ProfileError, match="no profile 'Sofd'; there is Soft"):
        profiles.load("Sofd")


def test_names_that_differ_in_capitals_alone_are_one(profiles: Profiles, tmp_path: Path) -> None:
    profiles.save(quiet("loud"))
    with pytest.raises(ProfileError, match="'loud' already"):
        profiles.save(quiet("LOUD"))
    assert profiles.rename("loud", "Loud").name == "Loud"
    assert [path.name for path in (tmp_path / "profiles").iterdir()] == ["Loud.json"]
    profiles.save(quiet("LOUD"), overwrite=True)
    assert [path.name for path in (tmp_path / "profiles").iterdir()] == ["LOUD.json"]


@pytest.mark.parametrize("name", ["", " ", "../x", "a/b", "a\\b", ".x", "x.", "con", "a:b", "n" * 200, "a\x00b"])
def test_names_stay_in_their_folder(profiles: Profiles, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="profile name"):
        profiles.save(quiet(name))
    with pytest.raises(ProfileError, match="no profile"):
        profiles.load(name)
    profiles.save(quiet())
    with pytest.raises(ValueError, match="profile name"):
        profiles.rename("quiet", name)
    assert sorted(path.name for path in tmp_path.rglob("*.json")) == ["quiet.json"]


def test_a_file_that_was_named_by_hand(profiles: Profiles, tmp_path: Path) -> None:
    profiles.save(quiet())
    (tmp_path / "profiles" / "quiet.json").rename(tmp_path / "profiles" / "mine.json")
    assert profiles.load("mine").name == "mine"
    assert [profile.name for profile in profiles.list()] == ["mine"]


DAMAGE = {
    "half": ('{"version": 1, "name": "a"', "not JSON"),
    "deep": ("[" * 100_000, "not JSON"),
    "later": ('{"version": 2, "name": "a"}', "version"),
    "nameless": ('{"version": 1}', "name"),
    "more": ('{"version": 1, "name": "a", "colour": "red"}', "colour"),
    "gain": ('{"name": "a", "mix": {"adapters": {"pirate": {"master": "loud"}}}}', "mix.adapters.pirate.master"),
    "nan": ('{"name": "a", "mix": {"adapters": {"pirate": {"master": NaN}}}}', "mix.adapters.pirate.master"),
    "hash": ('{"name": "a", "adapters": {"pirate": {"hash": "x"}}}', "adapters.pirate.hash"),
    "restore": ('{"name": "a", "restore": "yes"}', "restore"),
}


@pytest.mark.parametrize(("content", "says"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_told_and_does_not_hide_the_others(
    profiles: Profiles, tmp_path: Path, content: str, says: str
) -> None:
    profiles.save(quiet())
    path = tmp_path / "profiles" / "bad.json"
    path.write_text(content)
    with pytest.raises(ProfileError, match=says) as refused:
        profiles.load("bad")
    assert str(path) in str(refused.value)
    assert [profile.name for profile in profiles.list()] == ["quiet"]
    assert list(profiles.damaged()) == ["bad"]
    with pytest.raises(ProfileError, match=says):
        profiles.import_text(content)
    profiles.delete("bad")
    assert profiles.damaged() == {}


def test_exported_and_imported(profiles: Profiles, tmp_path: Path) -> None:
    profiles.save(quiet(note="é"))
    text = profiles.export("quiet")
    other = Profiles(tmp_path / "other")
    assert other.import_text(text) == profiles.load("quiet")
    with pytest.raises(ProfileError, match="already"):
        other.import_text(text)
    assert other.import_text(text.encode(), "another").name == "another"
    assert other.import_text(text, overwrite=True).name == "quiet"
    with pytest.raises(ProfileError, match="larger than"):
        other.import_text(" " * (5 * 2**20))


def test_nothing_is_kept_where_others_share_the_page() -> None:
    profiles = Profiles(None)
    assert profiles.list() == [] and profiles.damaged() == {}
    with pytest.raises(ProfileError, match="share"):
        profiles.save(quiet())


def test_a_full_disk_leaves_the_profile_that_was_there(profiles: Profiles, monkeypatch: pytest.MonkeyPatch) -> None:
    profiles.save(quiet(note="one"))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="the disk is full"):
        profiles.save(quiet(note="two"), overwrite=True)
    with pytest.raises(OSError, match="the disk is full"):
        profiles.rename("quiet", "other")
    monkeypatch.undo()
    assert [profile.note for profile in profiles.list()] == ["one"]


# -- put back by itself


def test_the_profile_that_is_put_back(profiles: Profiles, desk: Desk) -> None:
    def keep(name: str, adapters: list[str], day: int, restore: bool = True) -> None:
        made = Profile.of(
            name, desk, Mix(dict.fromkeys(adapters, Faders(master=0.5))), hashes={"pirate": HASH}, restore=restore
        )
        profiles.save(made.model_copy(update={"saved": made.saved.replace(year=2026, month=1, day=day)}))

    keep("not this", ["pirate"], 9, restore=False)
    keep("older", ["pirate"], 1)
    keep("newer", ["pirate"], 2)
    keep("both", ["pirate", "poet"], 1)
    keep("other", ["singer"], 9)
    assert profiles.to_restore(["pirate"]).name == "newer"
    assert profiles.to_restore(["pirate", "poet"]).name == "both"
    assert profiles.to_restore(["poet"]) is None
    assert profiles.to_restore(["pirate", "butler"], new=["butler"]) is None
    assert profiles.to_restore(["pirate", "butler"], new=["pirate"]).name == "newer"
    assert profiles.to_restore(["pirate"], hashes={"pirate": HASH}).name == "newer"
    assert profiles.to_restore(["pirate"], hashes={"pirate": "cd" * 32}) is None


# -- several at once, and what could not be read again


def test_of_several_processes_that_save_under_one_name_one_is_told_that_it_did(tmp_path: Path) -> None:
    said = together.at_once("profiles", tmp_path, "abc", 30)
    kept = {profile.name: profile.note for profile in Profiles(tmp_path / "profiles").list()}
    assert kept == {name: by for by, names in said.items() for name in names} and len(kept) == 30
    assert sum(map(len, said.values())) == 30


def test_of_several_pages_that_save_under_one_name_one_is_told_that_it_did(profiles: Profiles, tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []

    def save(page: str) -> None:
        for at in range(10):
            try:
                name = (
                    Profiles(tmp_path / "profiles")
                    .save(quiet(f"{'Take' if page > '3' else 'take'} {at}", note=page))
                    .name
                )
                told.append((name, page))
            except ProfileError:
                continue

    threads = [threading.Thread(target=save, args=(str(page),)) for page in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == sorted((profile.name, profile.note) for profile in profiles.list()) and len(told) == 10


def test_pages_that_import_one_profile_at_once_keep_all_of_them(profiles: Profiles, tmp_path: Path) -> None:
    threads = [threading.Thread(target=lambda: Profiles(tmp_path / "profiles").add(quiet())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [profile.name for profile in profiles.list()] == ["quiet", *(f"quiet {at}" for at in range(2, 9))]


def test_only_the_profile_that_was_seen_is_overwritten_or_deleted(profiles: Profiles) -> None:
    seen = profiles.save(quiet(note="mine")).mark
    profiles.save(quiet(note="somebody else's"), overwrite=True)
    with pytest.raises(ProfileError, match="somebody else has changed the profile 'quiet'"):
        profiles.save(quiet(note="mine again"), overwrite=True, seen=seen)
    with pytest.raises(ProfileError, match="somebody else"):
        profiles.delete("quiet", seen=seen)
    assert profiles.load("quiet").note == "somebody else's"
    now = profiles.load("quiet").mark
    assert profiles.save(quiet(note="mine"), overwrite=True, seen=now).note == "mine"
    profiles.delete("quiet", seen=profiles.load("quiet").mark)
    assert profiles.save(quiet(), overwrite=True, seen=now).name == "quiet", "nothing is lost where there is none"


def test_a_change_keeps_what_somebody_else_saved_meanwhile(profiles: Profiles) -> None:
    profiles.save(quiet(note="one"))
    profiles.change("quiet", restore=True)
    profiles.change("quiet", note="two")
    kept = profiles.load("quiet")
    assert (kept.restore, kept.note, kept.mix) == (True, "two", QUIET)
    with pytest.raises(ProfileError):
        profiles.change("quiet", note="x" * 20_001)
    assert profiles.load("quiet") == kept


anything = st.text(max_size=8) | st.sampled_from(["\ud800", "a\x00", "x" * 20_001, "n" * 1_000, "CON", "é", " a "])
adapter_facts = st.builds(
    AdapterFacts.model_construct,
    hash=st.sampled_from(["", HASH, "x"]),
    method=anything,
    kinds=st.tuples(anything),
    layers=st.tuples(st.integers(-1, 10**6)),
)


@st.composite
def built_by_hand(draw: st.DrawFn) -> Profile:
    """Of anything at all: `model_copy` checks nothing."""
    changes = {
        "name": draw(anything),
        "note": draw(anything),
        "model": draw(anything),
        "restore": draw(st.booleans()),
        "saved": draw(st.datetimes(timezones=st.none() | st.timezones())),
        "adapters": draw(st.dictionaries(anything, adapter_facts, max_size=2)),
        "mix": Mix(
            {draw(anything.filter(lambda one: one != "\ud800")): Faders(kinds={"q_proj": draw(st.floats(-3e38, 3e38))})}
        ),
    }
    wanted = draw(st.sets(st.sampled_from(sorted(changes))))
    return quiet().model_copy(update={name: changes[name] for name in wanted})


@given(profile=built_by_hand())
@settings(max_examples=150, deadline=None)
def test_what_is_saved_is_listed_as_it_is_and_what_is_refused_leaves_nothing(profile: Profile) -> None:
    with tempfile.TemporaryDirectory() as home:
        profiles = Profiles(Path(home) / "profiles")
        try:
            kept = profiles.save(profile)
        except (ProfileError, ValueError) as error:
            assert len(str(error)) < 2500
            assert profiles.look() == ([], {}) and not list(Path(home).rglob("*.json"))
        else:
            assert profiles.look() == ([kept], {})
            assert (kept.note, kept.mix, kept.adapters) == (profile.note, profile.mix, profile.adapters)


MORE_DAMAGE = {
    "a gain of 400 digits": '{"name": "a", "mix": {"adapters": {"p": {"fades": {"master": [[0, 1%s]]}}}}}'
    % ("0" * 400),
    "a gain of 5,000 digits": '{"name": "a", "mix": {"adapters": {"p": {"master": 1%s}}}}' % ("0" * 5000),
    "a layer of 400 digits": '{"name": "a", "adapters": {"p": {"layers": [1%s]}}}' % ("0" * 400),
    "a gain beyond 32 bits": '{"name": "a", "mix": {"adapters": {"p": {"master": 1e39}}}}',
    "the first of all days": '{"name": "a", "saved": "0001-01-01T00:00:00+14:00"}',
    "named twice": '{"name": "a", "mix": {"adapters": {"p": {"master": 1, "master": 2}}}}',
    "half a character": '{"name": "a", "note": "\\ud800"}',
    "a zero byte": "\x00",
    "wrong many times over": json.dumps({"name": "a", "adapters": dict.fromkeys(map(str, range(300_000)), 1)}),
    "wrong kinds": json.dumps({"name": "a", "adapters": {"p": {"kinds": [1] * 500_000}}}),
    "unknown fields": json.dumps({"name": "a", **dict.fromkeys(map(str, range(300_000)), 1)}),
    "a list": json.dumps([1] * 500_000),
    "too large": " " * (5 * 2**20),
}


@pytest.mark.parametrize("content", MORE_DAMAGE.values(), ids=MORE_DAMAGE)
def test_one_damaged_file_is_told_by_its_name_at_once_in_few_words_and_the_others_are_listed(
    profiles: Profiles, tmp_path: Path, content: str
) -> None:
    profiles.save(quiet())
    (tmp_path / "profiles" / "bad.json").write_text(content)
    started = time.process_time()
    good, wrong = profiles.look()
    assert time.process_time() - started < 5
    assert [profile.name for profile in good] == ["quiet"] and list(wrong) == ["bad"]
    assert "bad.json" in wrong["bad"] and len(wrong["bad"]) < 2500
    assert profiles.to_restore(["pirate"]) is None
    with pytest.raises(ProfileError):
        read_mix(tmp_path / "profiles" / "bad.json")


def test_what_is_no_file_is_no_profile_and_its_name_is_refused(profiles: Profiles, tmp_path: Path) -> None:
    profiles.save(quiet())
    (tmp_path / "profiles" / "folder.json").mkdir()
    (tmp_path / "profiles" / "broken.json").symlink_to(tmp_path / "nothing")
    (tmp_path / "profiles" / "circle.json").symlink_to(tmp_path / "profiles" / "circle.json")
    os.mkfifo(tmp_path / "profiles" / "pipe.json")
    assert [profile.name for profile in profiles.list()] == ["quiet"] and profiles.damaged() == {}
    with pytest.raises(ProfileError, match="is a folder"):
        profiles.save(quiet("folder"))
    with pytest.raises(ProfileError, match="is a folder"):
        profiles.rename("quiet", "folder")
    assert [profile.name for profile in profiles.list()] == ["quiet"]


def test_a_profile_that_grew_beyond_what_is_read_is_not_saved(profiles: Profiles, tmp_path: Path) -> None:
    many = Mix({"pirate": Faders(modules={f"model.layers.{at}.{'x' * 60}": 0.5 for at in range(50_000)})})
    with pytest.raises(ProfileError, match="larger than 4 MiB"):
        profiles.save(Profile(name="large", mix=many))
    assert not list((tmp_path / "profiles").glob("*"))
