"""A mix under a name on a server: whole or not at all, and taken back in the only order that is safe."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from helpers import false_vllm
from helpers.false_sglang import FalseSglang
from helpers.false_vllm import KEY, FalseVllm
from safetensors.numpy import load_file

from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.lora_ops.engines import vllm
from lora_mixer.lora_ops.engines.vllm import publishing
from lora_mixer.lora_ops.fade import Fade

HALF = Mix({"pirate": Faders(master=0.5), "butler": Faders(on=False)})
OTHER = Mix({"pirate": Faders(master=0.6)})


@pytest.fixture
def client(server: FalseVllm) -> vllm.Client:
    return vllm.Client(server.url, KEY)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    return tmp_path / "shared"


def test_it_is_loaded_asked_once_and_gone_again_when_it_is_taken_back(
    client: vllm.Client, folders: dict[str, Path], shared: Path, server: FalseVllm
) -> None:
    done = vllm.publish(client, folders, HALF, shared, name="soft")
    assert done.name == done.model == "mixer-soft" and done.said and not done.again and done.rank == 2
    assert server.loaded["mixer-soft"] == Path(done.folder) and Path(done.folder).is_relative_to(shared)
    [asked] = [body for path, body in server.asked if path == "/v1/chat/completions"]
    assert asked["model"] == "mixer-soft"
    back = vllm.unpublish(client, "mixer-soft", shared)
    assert back.unloaded and not back.stays and not server.loaded and not list(shared.iterdir())


def test_the_same_again_is_the_same_and_another_mix_under_that_name_is_refused(
    client: vllm.Client, folders: dict[str, Path], shared: Path, server: FalseVllm
) -> None:
    first = vllm.publish(client, folders, HALF, shared, name="soft")
    assert vllm.publish(client, folders, HALF, shared, name="mixer-soft").again
    with pytest.raises(ValueError, match="another mix"):
        vllm.publish(client, folders, OTHER, shared, name="soft")
    server.loaded.clear()  # it was started again
    again = vllm.publish(client, folders, HALF, shared, name="soft")
    assert not again.again and again.folder == first.folder and "mixer-soft" in server.loaded


def test_a_name_that_is_published_anew_has_another_path(
    client: vllm.Client, folders: dict[str, Path], shared: Path
) -> None:
    first = vllm.publish(client, folders, HALF, shared, name="soft").folder
    vllm.unpublish(client, "mixer-soft", shared)
    assert vllm.publish(client, folders, OTHER, shared, name="soft").folder != first


def test_desks_that_clear_what_the_dead_left_leave_published_names_alone(
    connect: Any, client: vllm.Client, folders: dict[str, Path], shared: Path, server: FalseVllm
) -> None:
    vllm.publish(client, folders, HALF, shared, name="soft")
    left = shared / "mixer-00000000"
    left.mkdir()
    (left / "server.txt").write_text(server.url)
    connect().close()
    assert not left.exists() and "mixer-soft" in server.loaded
    assert vllm.publish(client, folders, HALF, shared, name="soft").again


@pytest.mark.parametrize(
    ("mix", "name", "match"),
    [
        (Mix({one: Faders(on=False) for one in ("pirate", "butler")}), "soft", "base model"),
        (Mix({"pirate": Faders(fades={"master": Fade(((0, 0.0), (9, 1.0)))})}), "soft", "fades"),
        (Mix({"parrot": Faders()}), "soft", "parrot"),
        (Mix({"pirate": Faders(kinds={"z_proj": 0.0})}), "soft", "z_proj"),
        (HALF, "../soft", "cannot be a name"),
        (HALF, "base:soft", "cannot be a name"),
        (HALF, "", "cannot be a name"),
        (HALF, "0123abcd", "how desks call"),
        (HALF, "0123abcd-soft", "how desks call"),
    ],
)
def test_what_cannot_be_published_is_refused_before_anything_is_written(
    client: vllm.Client, folders: dict[str, Path], shared: Path, server: FalseVllm, mix: Mix, name: str, match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        vllm.publish(client, folders, mix, shared, name=name)
    assert not shared.exists() and not server.loaded


def test_a_refusal_of_the_servers_leaves_nothing(
    client: vllm.Client, folders: dict[str, Path], shared: Path, server: FalseVllm
) -> None:
    server.most_rank = 1
    with pytest.raises(vllm.VllmError, match=r"rank 2.*max-lora-rank"):
        vllm.publish(client, folders, HALF, shared, name="soft")
    assert not list(shared.iterdir())
    cut = vllm.publish(client, folders, HALF, shared, name="soft", most_rank=1)
    assert cut.rank == 1 and 0 < cut.left_out < 1


def test_a_name_that_does_not_answer_is_taken_back(
    client: vllm.Client, folders: dict[str, Path], shared: Path, server: FalseVllm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "chat", lambda body: false_vllm.refused(500, "no memory"))
    with pytest.raises(vllm.VllmError, match="no memory"):
        vllm.publish(client, folders, HALF, shared, name="soft")
    assert not server.loaded and not list(shared.iterdir())


def test_a_model_without_a_chat_template_is_asked_to_go_on(
    client: vllm.Client, folders: dict[str, Path], shared: Path, server: FalseVllm
) -> None:
    server.templates = False
    assert vllm.publish(client, folders, HALF, shared, name="soft").said == "words"


def test_a_folder_stays_while_requests_use_it_or_as_long_as_nobody_can_tell(
    client: vllm.Client, folders: dict[str, Path], shared: Path, server: FalseVllm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "_IDLE", 0.0)
    vllm.publish(client, folders, HALF, shared, name="soft")
    server.replying.append("mixer-soft")
    assert "still use it" in vllm.unpublish(client, "mixer-soft", shared).stays
    server.replying[:] = ["mixer-softer"]
    server.metrics = False
    assert "does not tell" in vllm.unpublish(client, "mixer-soft", shared).stays
    server.metrics = True
    assert not vllm.unpublish(client, "mixer-soft", shared).stays and not list(shared.iterdir())


@pytest.mark.parametrize(
    ("name", "match"),
    [("letters", "not one of ours"), ("mixer-0123abcd-0123456789abcdef", "a desk"), ("mixer-nobody", "has no")],
)
def test_what_nobody_published_is_not_taken_back(
    client: vllm.Client, shared: Path, server: FalseVllm, name: str, match: str
) -> None:
    server.loaded["somebody-elses"] = Path(__file__).parent
    for where in (shared, None):
        with pytest.raises(ValueError, match=match):
            vllm.unpublish(client, name, where)
    assert list(server.loaded) == ["somebody-elses"]


def test_a_name_that_somebody_else_loaded_is_not_taken(
    client: vllm.Client, folders: dict[str, Path], shared: Path, server: FalseVllm, tmp_path: Path
) -> None:
    server.loaded["mixer-soft"] = folders["pirate"]
    with pytest.raises(ValueError, match="has a mixer-soft already"):
        vllm.publish(client, folders, HALF, shared, name="soft")
    assert not list(shared.iterdir())
    with pytest.raises(ValueError, match="not published out of"):
        vllm.unpublish(client, "mixer-soft", tmp_path)
    assert server.loaded and "name the shared folder" in vllm.unpublish(client, "mixer-soft").stays
    assert folders["pirate"].is_dir()


def test_two_servers_share_one_folder_until_the_last_of_them_lets_go(
    client: vllm.Client, folders: dict[str, Path], shared: Path, server: FalseVllm
) -> None:
    with false_vllm.serving() as second:
        other = vllm.Client(second.url, KEY)
        folder = vllm.publish(client, folders, HALF, shared, name="soft").folder
        assert vllm.publish(other, folders, HALF, shared, name="soft").folder == folder
        assert second.url in vllm.unpublish(client, "mixer-soft", shared).stays
        assert Path(folder).is_dir() and "mixer-soft" in second.loaded
        vllm.unpublish(other, "mixer-soft", shared)
        assert not list(shared.iterdir()) and not second.amiss


def test_two_at_once_make_one(client: vllm.Client, folders: dict[str, Path], shared: Path, server: FalseVllm) -> None:
    found: list[Any] = []

    def publish() -> None:
        found.append(vllm.publish(client, folders, HALF, shared, name="soft").again)

    threads = [threading.Thread(target=publish) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [False, True, True]
    assert [path for path, _ in server.asked].count("/v1/load_lora_adapter") == 1


def test_what_a_killed_process_left_half_written_is_written_anew(
    client: vllm.Client, folders: dict[str, Path], shared: Path
) -> None:
    (shared / ".mixer-soft" / "x").mkdir(parents=True)
    vllm.publish(client, folders, HALF, shared, name="soft")
    vllm.unpublish(client, "mixer-soft", shared)
    (shared / "mixer-soft" / "0123456789abcdef").mkdir(parents=True)  # half removed
    with pytest.raises(ValueError, match="none that was published whole"):
        vllm.publish(client, folders, HALF, shared, name="soft")
    assert not vllm.unpublish(client, "mixer-soft", shared).stays and not list(shared.iterdir())


def test_a_link_to_elsewhere_is_left_alone(client: vllm.Client, shared: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    shared.mkdir()
    (shared / "mixer-soft").symlink_to(tmp_path / "mine")
    with pytest.raises(ValueError, match="a link to elsewhere"):
        vllm.unpublish(client, "mixer-soft", shared)
    assert (tmp_path / "mine").is_dir()


def test_an_adapter_for_another_model_is_refused(
    client: vllm.Client, folders: dict[str, Path], shared: Path, tmp_path: Path
) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    (tmp_path / "base").mkdir()
    save_file({"model.norm.weight": np.ones(8, np.float32)}, tmp_path / "base" / "model.safetensors")
    with pytest.raises(vllm.CannotServe, match="for another model"):
        vllm.publish(client, folders, HALF, shared, name="soft", base=tmp_path / "base")
    assert not vllm.publish(client, folders, HALF, shared, name="soft").fits
    shutil.rmtree(tmp_path / "base")


def test_sglang_is_asked_in_its_own_way(folders: dict[str, Path], shared: Path) -> None:
    with false_vllm.serving(FalseSglang()) as server:
        client = vllm.Client(server.url, KEY)
        done = vllm.publish(client, folders, Mix({"pirate": Faders(kinds={"q_proj": 0.0})}), shared, name="soft")
        assert done.kind == "SGLang" and done.model == "letters:mixer-soft" and done.said
        assert any("q_proj" in name for name in load_file(Path(done.folder) / "adapter_model.safetensors"))
        record = json.loads((Path(done.folder).parent / "published.json").read_text())
        assert record["servers"] == [server.url] and record["mix"]
        vllm.unpublish(client, "mixer-soft", shared)
        assert not server.loaded and not server.amiss and not list(shared.iterdir())
