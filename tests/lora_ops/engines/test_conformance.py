"""Every engine keeps to what all of them promise."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from helpers import tiny
from helpers.comparing import generated
from helpers.conformance import Conformance, Stage
from helpers.toy_engine import ToyEngine
from peft import LoHaConfig

from lora_mixer.lora_ops.engines.peft.engine import PeftEngine


def peft_stage(model: object) -> Stage:
    def without() -> tuple[int, ...]:
        with tiny.without_adapters(model):  # type: ignore[arg-type]
            return generated(model, settings)

    settings = {"max_new_tokens": 8, "do_sample": False}
    return Stage(
        PeftEngine.of(model, tiny.tokenizer()),  # type: ignore[arg-type]
        tuple(tiny.prompt("Ahoy there")[0].tolist()),
        base=without,
        loaded=lambda: generated(model, settings),
    )


BUILDS: dict[str, Callable[[], object]] = {
    "LoRA": tiny.pirate,
    "two adapters": tiny.two,
    "injected": tiny.injected,
    "DoRA": lambda: tiny.pirate(use_dora=True),
    "LoHa": lambda: tiny.add(
        tiny.llama(), LoHaConfig(r=4, alpha=8, target_modules=["q_proj", "v_proj"], init_weights=False)
    ),
}


class TestPeft(Conformance):
    @pytest.fixture(params=list(BUILDS.values()), ids=list(BUILDS))
    def stage(self, request: pytest.FixtureRequest) -> Stage:
        return peft_stage(request.param())


class TestToy(Conformance):
    @pytest.fixture(params=[True, False], ids=["in rows", "one after the other"])
    def stage(self, request: pytest.FixtureRequest) -> Stage:
        return Stage(ToyEngine(rows=request.param), ToyEngine().tokens.encode("ahoy there"))
