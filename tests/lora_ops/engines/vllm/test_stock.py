"""Mixes on a server: loaded when they are wanted, and gone in the only order that is safe."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from helpers.false_vllm import FalseVllm

from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.lora_ops.engines import vllm
from lora_mixer.lora_ops.engines.vllm import stock

HALF = Mix({"pirate": Faders(master=0.5)})


def mixes(count: int) -> list[Mix]:
    return [Mix({"pirate": Faders(master=0.01 * at)}) for at in range(1, count + 1)]


def test_a_mix_that_is_heard_again_is_not_loaded_again(engine: vllm.VllmEngine, server: FalseVllm) -> None:
    for _ in range(2):
        with engine.stock.using([HALF, Mix({"pirate": Faders(kinds={"q_proj": 0.5, "v_proj": 0.5})})]) as names:
            assert names[0] == names[1] == next(iter(server.loaded))
    assert len(server.loaded) == 1


def test_what_is_loaded_while_the_server_is_asked_what_it_has_is_not_taken_for_lost(
    engine: vllm.VllmEngine, server: FalseVllm
) -> None:
    with engine.stock.using(mixes(1)):
        pass
    started: list[threading.Thread] = []

    def load() -> None:
        with engine.stock.using([HALF]):
            pass

    def meanwhile(_: Any) -> None:
        started.append(threading.Thread(target=load))
        started[0].start()
        time.sleep(0.2)

    engine.stock.forget_lost(meanwhile)
    started[0].join()
    engine.stock.forget_lost(lambda models: None)
    time.sleep(0.2)
    engine._look()
    assert len(server.loaded) == 2 and all(folder.is_dir() for folder in server.loaded.values())


def test_what_is_used_least_goes_and_what_is_in_use_stays(engine: vllm.VllmEngine, server: FalseVllm) -> None:
    with engine.stock.using([HALF]) as (kept,):
        for mix in mixes(20):
            with engine.stock.using([mix]):
                assert kept in server.loaded
        assert len(server.loaded) == 17
    with engine.stock.using(mixes(1)):
        pass
    home = next(server.loaded.values().__iter__()).parent
    assert {folder.name for folder in home.iterdir() if folder.is_dir()} == {
        path.name for path in server.loaded.values()
    }


def test_two_desks_on_one_server_do_not_disturb_each_other(connect: Any, server: FalseVllm) -> None:
    one, two = connect(), connect()
    server.loaded["somebody-elses"] = Path(__file__).parent
    with one.stock.using([HALF]) as (mine,), two.stock.using([HALF]) as (theirs,):
        assert mine != theirs
    one.close()
    assert mine not in server.loaded and {theirs, "somebody-elses"} <= set(server.loaded)


def test_what_a_killed_process_left_is_cleared_for_its_own_server_alone(
    connect: Any, server: FalseVllm, tmp_path: Path
) -> None:
    gone = connect()
    with gone.stock.using([HALF]) as (name,):
        pass
    home = tmp_path / "shared" / name.rpartition("-")[0]
    left = home.with_name("mixer-00000000")
    shutil.copytree(home, left)
    (left / stock.LOCK).unlink(missing_ok=True)
    server.loaded[f"{left.name}-abc"] = left / name.rpartition("-")[2]
    other = home.with_name("mixer-11111111")
    shutil.copytree(left, other)
    (other / "server.txt").write_text("http://elsewhere:8000")
    later = connect()
    assert f"{left.name}-abc" not in server.loaded and name in server.loaded
    with later.stock.using([HALF]):
        pass
    assert home.is_dir() and other.is_dir() and not left.exists()


def test_a_refusal_leaves_nothing_and_says_what_to_do(connect: Any, server: FalseVllm, tmp_path: Path) -> None:
    server.most_rank = 3
    engine = connect()
    with pytest.raises(vllm.VllmError, match=r"rank 4.*max-lora-rank"), engine.stock.using([HALF]):
        pass
    cut = connect(most_rank=3)
    with cut.stock.using([HALF]):
        assert 0 < cut.stock.left_out(HALF) < 1
    server.run_time = False
    with pytest.raises(vllm.VllmError, match="VLLM_ALLOW_RUNTIME_LORA_UPDATING"), engine.stock.using(mixes(1)):
        pass
    engine.close()
    cut_home = next(iter(server.loaded.values())).parent
    assert [one for one in (tmp_path / "shared").iterdir() if one != cut_home] == []
    server.run_time = True


def test_a_folder_that_the_server_sees_elsewhere(connect: Any, server: FalseVllm, tmp_path: Path) -> None:
    (tmp_path / "seen").symlink_to(tmp_path / "shared")
    (tmp_path / "shared").mkdir()
    with connect(seen_as=str(tmp_path / "seen")).stock.using([HALF]) as (name,):
        assert server.loaded[name].is_relative_to(tmp_path / "seen")
    blind = connect(seen_as="/nowhere")
    with pytest.raises(vllm.VllmError, match="seen_as"), blind.stock.using([HALF]):
        pass


def test_a_request_that_was_called_off_may_still_use_a_folder_for_a_while(
    connect: Any, server: FalseVllm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock, "_GRACE", 0.2)
    engine = connect()
    with engine.stock.using([HALF]) as (name,):
        folder = server.loaded[name]
    began = time.monotonic()
    engine.close()
    assert time.monotonic() - began >= 0.2 and not folder.exists() and not server.loaded
