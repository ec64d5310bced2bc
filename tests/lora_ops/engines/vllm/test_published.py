"""What of ours a server has, and the folders that are left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.false_vllm import KEY, FalseVllm

from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.lora_ops.engines import vllm
from lora_mixer.lora_ops.engines.vllm import published
from lora_mixer.lora_ops.engines.vllm.client import VLLM, VllmError
from lora_mixer.lora_ops.engines.vllm.published import Record, as_name, in_use, left, look, served_name

HALF = Mix({"pirate": Faders(master=0.5)})


@pytest.fixture
def client(server: FalseVllm) -> vllm.Client:
    return vllm.Client(server.url, KEY)


def test_what_is_ours_is_told_from_what_desks_have_and_what_others_have(
    connect: Any, client: vllm.Client, server: FalseVllm, folders: dict[str, Path], tmp_path: Path
) -> None:
    vllm.publish(client, folders, HALF, tmp_path / "shared", name="soft")
    server.loaded["somebody-elses"] = Path(__file__).parent
    with connect().stock.using([HALF]) as (name,):
        found = look(client)
    assert (found.kind, found.model, found.others) == ("vLLM", "letters", 1)
    assert {one.name: one.desk for one in found.served} == {"mixer-soft": "", name: name[:14]}
    assert all(Path(one.path).is_dir() for one in found.served)


def test_folders_that_are_left_are_told_with_what_they_are(
    connect: Any, client: vllm.Client, server: FalseVllm, folders: dict[str, Path], tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    engine = connect()
    vllm.publish(client, folders, HALF, shared, name="soft")
    vllm.publish(client, folders, HALF, shared, name="softer")
    (shared / "mixer-half").mkdir()
    (shared / "mixer-00000000").mkdir()
    (shared / "notes").mkdir()
    del server.loaded["mixer-softer"]
    found = left(shared, (look(client),))
    assert {name: text.partition(":")[0].partition(",")[0] for name, text in found.items()} == {
        "mixer-00000000": "of a desk that was killed",
        "mixer-half": "half written or half removed",
        "mixer-softer": "published",
    }
    assert "not asked now" in left(shared)["mixer-soft"]
    engine.close()
    shutil.rmtree(shared / "mixer-00000000")


@pytest.mark.parametrize(
    ("text", "name"), [("Softer pirate", "Softer-pirate"), ("Ä/../x y", "x-y"), ("---", ""), ("a:b", "a-b")]
)
def test_a_profiles_name_becomes_one_for_servers(text: str, name: str) -> None:
    assert as_name(text) == name
    if name:
        assert served_name(name) == f"mixer-{name}"


def test_a_record_that_leads_elsewhere_or_is_another_folders_is_none(tmp_path: Path) -> None:
    home = tmp_path / "mixer-soft"
    home.mkdir()
    good = Record(name="mixer-soft", key="0" * 16, mix={}, adapters={}, rank=1, left_out=0.0)
    good.write(home)
    assert Record.of(home) == good
    for change in ({"key": "../../../etc/passwd"}, {"name": "mixer-other"}, {"more": 1}, {"version": 2}):
        (home / published.RECORD).write_text(json.dumps({**good.model_dump(), **change}))
        assert Record.of(home) is None
    (home / published.RECORD).write_bytes(b"\xff")
    assert Record.of(home) is None


def test_the_newest_word_on_what_is_in_use_counts(client: vllm.Client, server: FalseVllm) -> None:
    assert in_use(client, VLLM, "mixer-a") is False
    server.replying.append("letters")
    assert in_use(client, VLLM, "mixer-a") is False
    server.replying.append("mixer-a")
    assert in_use(client, VLLM, "mixer-a") and not in_use(client, VLLM, "mixer-ab")
    server.metrics = False
    assert in_use(client, VLLM, "mixer-a") is None
    with pytest.raises(VllmError, match="key"):
        look(vllm.Client(server.url, "open"))
