"""SGLang as an engine, on what answers as its sources say: the same client, told apart by asking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import false_vllm
from helpers.conformance import Conformance, Stage
from helpers.false_sglang import FalseSglang
from helpers.false_vllm import KEY, PROMPT, logits
from safetensors.numpy import load_file

from lora_mixer.lora_ops import Column, Desk, Faders, Mix, compare, score
from lora_mixer.lora_ops.engines import vllm
from lora_mixer.lora_ops.engines.sampling import Sampling
from lora_mixer.lora_ops.engines.vllm.client import Client

SILENT_Q = Mix({"pirate": Faders(kinds={"q_proj": 0.0}), "butler": Faders(on=False)})
SILENT_V = Mix({"pirate": Faders(kinds={"v_proj": 0.0}), "butler": Faders(on=False)})


@pytest.fixture
def server() -> Iterator[FalseSglang]:
    with false_vllm.serving(FalseSglang()) as state:
        yield state
        assert not state.amiss, "a real server could have ended"


class TestSglang(Conformance):
    @pytest.fixture
    def stage(self, engine: vllm.VllmEngine) -> Stage:
        return Stage(engine, PROMPT)


def test_it_is_told_by_what_it_answers_under_newer_and_older_names(connect: Any, server: FalseSglang) -> None:
    assert connect().name == "SGLang"
    server.older = True
    assert connect().name == "SGLang"


def test_another_model_under_the_same_name_is_noticed(engine: vllm.VllmEngine, server: FalseSglang) -> None:
    server.folder = "/models/numbers"
    with pytest.raises(vllm.AnotherModel, match="another model than before"):
        engine.refresh()


@pytest.mark.parametrize("mix", [SILENT_Q, SILENT_V], ids=["q_proj", "v_proj"])
def test_what_it_plays_as_one_module_is_whole_where_a_part_is_silent(
    engine: vllm.VllmEngine, server: FalseSglang, mix: Mix
) -> None:
    with engine.stock.using([mix]):
        [folder] = server.loaded.values()
        tensors = load_file(folder / "adapter_model.safetensors")
    [silent] = mix["pirate"].kinds
    for layer in range(2):
        for kind in ("q_proj", "k_proj", "v_proj"):
            name = f"base_model.model.model.layers.{layer}.self_attn.{kind}"
            adds = tensors[f"{name}.lora_B.weight"] @ tensors[f"{name}.lora_A.weight"]
            assert np.any(adds) == (kind not in (silent, "k_proj"))


def test_a_part_whose_size_nobody_tells_is_refused_by_name(connect: Any, tmp_path: Path) -> None:
    alone = false_vllm.write_adapter(tmp_path / "alone", kinds=("v_proj",))
    engine = connect(adapters={"alone": alone})
    with pytest.raises(vllm.CannotServe, match=r"how large .*q_proj is is not known"), engine.stock.using([Mix()]):
        pass


def test_likelihoods_are_the_models(engine: vllm.VllmEngine) -> None:
    desk, text = Desk(engine), [3, 1, 4, 1, 5]
    found = score(desk, PROMPT, [text, text], [desk.base(), Mix()])
    wanted = [logits({}, [*PROMPT, *text[:at]])[id] for at, id in enumerate(text)]
    assert found.logprobs[0][0] == pytest.approx(wanted)
    assert found.logprobs[1][0] != pytest.approx(wanted)


def test_columns_whose_dice_it_rolls_by_itself_are_refused_and_one_reply_is_not(
    connect: Any, server: FalseSglang
) -> None:
    server.deterministic = False
    engine = connect()
    assert "dice of its own" in engine.differs("rows")
    columns = [Column("A", Mix()), Column("B", Desk(engine).base())]
    for rolled in (True, False):
        settings = {"max_new_tokens": 3, "do_sample": rolled, "temperature": 1.0}
        run = compare(Desk(engine), None, PROMPT, columns, seed=1, generation=settings)
        if rolled:
            with pytest.raises(ValueError, match="enable-deterministic-inference"):
                list(run)
        else:
            assert list(run)
    assert list(engine.reply(PROMPT, Sampling(max_new_tokens=3, temperature=1.0)))


def test_a_refusal_says_what_to_do(connect: Any, server: FalseSglang) -> None:
    server.most_rank = 3
    with pytest.raises(vllm.VllmError, match=r"rank 4.*max-lora-rank"), connect().stock.using([Mix()]):
        pass
    with pytest.raises(vllm.VllmError, match="seen_as"), connect(seen_as="/nowhere").stock.using([SILENT_Q]):
        pass
    with pytest.raises(ValueError, match="SGLang has no setting 'bad_words'"):
        list(connect().reply(PROMPT, Sampling(extras={"bad_words": ["x"]})))
    server.run_time = False
    with pytest.raises(vllm.VllmError, match="--enable-lora"), connect().stock.using([SILENT_V]):
        pass
    assert "--admin-api-key" in Client(server.url, KEY).refused(401, "Unauthorized", "/load_lora_adapter")


def test_what_it_evicted_or_forgot_is_loaded_anew(connect: Any, server: FalseSglang) -> None:
    engine = connect()
    desk = Desk(engine)

    def heard(mix: Mix) -> tuple[int, ...]:
        run = compare(desk, None, PROMPT, [Column("A", mix)], seed=1, generation={"max_new_tokens": 6})
        list(run)
        return run.result.columns[0].token_ids

    server.most_loaded = 1
    before = [heard(SILENT_Q), heard(SILENT_V)]
    assert [heard(SILENT_Q), heard(SILENT_V)] == before
    server.loaded.clear()
    engine.close()  # names that are not there any more are no reason to fail
