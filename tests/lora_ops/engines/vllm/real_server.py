"""A real vLLM server keeps to what all engines promise.

Not collected by itself, since a server takes gigabytes and minutes: give pytest this file, with the server's address in
LORA_MIXER_VLLM (and its key in LORA_MIXER_VLLM_KEY). It serves the demo's model in float32, with `--enable-lora
--max-lora-rank 32 --max-loras 8`, and sees the same files.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.conformance import Conformance, Stage

from lora_mixer.lora_ops import Column, Desk, Faders, Mix, compare
from lora_mixer.lora_ops.engines import vllm

ADAPTERS = Path(__file__).resolve().parents[4] / "demo" / "adapters"
PROMPT = "<|im_start|>user\nWhere is my book?<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture(autouse=True)
def no_grace() -> None:
    """A real server is given its time."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[vllm.VllmEngine]:
    engine = vllm.connect(
        os.environ["LORA_MIXER_VLLM"],
        {name: ADAPTERS / name for name in ("pirate", "butler")},
        tmp_path / "shared",
        key=os.environ.get("LORA_MIXER_VLLM_KEY"),
    )
    yield engine
    engine.close()
    assert not list((tmp_path / "shared").iterdir()), "something of ours is left"


class TestVllm(Conformance):
    @pytest.fixture
    def stage(self, engine: vllm.VllmEngine) -> Stage:
        return Stage(engine, tuple(engine.tokens.encode(PROMPT, add_special_tokens=False)))


def test_a_reply_ends_where_the_model_ends_it(engine: vllm.VllmEngine) -> None:
    prompt = engine.tokens.encode(PROMPT, add_special_tokens=False)
    run = compare(Desk(engine), None, prompt, [Column("A", Mix())], seed=7, generation={"max_new_tokens": 200})
    for _ in run:
        pass
    [column] = run.result.columns
    assert column.finish == "end" and "<|im_end|>" not in column.text
    assert 2 not in column.token_ids


def test_a_fader_in_the_middle_of_a_reply_is_obeyed(engine: vllm.VllmEngine) -> None:
    from lora_mixer.lora_ops.engines.sampling import Sampling

    desk = Desk(engine)
    prompt = engine.tokens.encode(PROMPT, add_special_tokens=False)
    silent = Mix({"pirate": Faders(master=0.0), "butler": Faders(master=0.0)})
    said = []
    for token in engine.reply(prompt, Sampling(max_new_tokens=60)):
        said.append(token.id)
        if len(said) == 5:
            desk.apply(silent)
            patience = time.monotonic() + 60
            while not engine.standing.plays(silent) and time.monotonic() < patience:
                time.sleep(0.05)
            assert engine.standing.plays(silent), engine.standing.told()
    alone = []
    for token in engine.reply([*prompt, *said[:6]], Sampling(max_new_tokens=54)):
        alone.append(token.id)
    assert said[6:] == alone
