"""What is said of other runtimes."""

from __future__ import annotations

from typing import Any

from lora_mixer.lora_ops.bakery.runtimes import VLLM_RANKS, objections


def said_of(runtime: str, shapes: dict[str, tuple[int, ...]] | None = None, **changes: Any) -> str:
    fields = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "base_model_name_or_path": "x", **changes}
    pair = {f"base_model.model.q_proj.lora_{one}.weight": (4, 4) for one in "AB"}
    return "; ".join(objections(fields, pair if shapes is None else shapes)[runtime])


def test_nothing_is_in_the_way_of_plain_lora_alone():
    for runtime in ("vLLM", "llama.cpp"):
        assert said_of(runtime) == ""
        assert "experts' weights" in said_of(runtime, target_parameters=["experts.down_proj"])
        assert "kasa_config" in said_of(runtime, kasa_config={"beta": 1e-4})
        assert "init_lora_weights='olora'" in said_of(runtime, init_lora_weights="olora")
        assert "layer_replication" in said_of(runtime, layer_replication=[[0, 1]])
        assert "use_bdlora" in said_of(runtime, use_bdlora={"nblocks": 2})
        assert "DoRA" in said_of(runtime, use_dora=True)
    assert "whole text" in said_of("vLLM", alora_invocation_tokens=[1])
    assert said_of("llama.cpp", alora_invocation_tokens=[1]) == ""


def test_vllm_is_told_how_to_start_for_a_rank_and_that_patterns_load_since_a_version():
    assert "--max-lora-rank" not in said_of("vLLM", r=16)
    assert "--max-lora-rank 32" in said_of("vLLM", r=17)
    assert "--max-lora-rank 320" in said_of("vLLM", r=300)
    assert "ranks up to 512, and this has 513" in said_of("vLLM", r=VLLM_RANKS[-1] + 1)
    assert "0.32 loads alpha_pattern" in said_of("vLLM", alpha_pattern={"q_proj": 3})
    assert "0.32 loads rank_pattern" in said_of("vLLM", rank_pattern={"q_proj": 3})
    assert "rank" not in said_of("llama.cpp", r=999)
