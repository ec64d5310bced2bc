"""Which modules a configuration asks for: those that PEFT takes, name by name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig
from peft.tuners.tuners_utils import check_target_module_exists

from lora_mixer.lora_ops.shelf.patterns import PatternError
from lora_mixer.lora_ops.shelf.targeting import Asked

BLOCKS = ["model.layers.{}", "model.layers.{}.mlp.experts.{}", "model.vision.blocks.{}", "layers.{}", "model.h.{}"]
PARTS = ["q_proj", "self_attn.q_proj", "mlp.down_proj", "big_q_proj", "self_attn.k_proj.q_proj", "mlp"]
LAYERS = st.integers(0, 12)
NAMES = st.one_of(
    st.builds(lambda block, part, a, b: f"{block.format(a, b)}.{part}", st.sampled_from(BLOCKS), st.sampled_from(PARTS),
              LAYERS, LAYERS),
    st.sampled_from(["lm_head", "model.lm_head", "embed_tokens", "q_proj", "model", "model.layers.1", "model.norm"]),
)  # fmt: skip
ENDINGS = st.lists(
    st.sampled_from(
        ["q_proj", "self_attn.q_proj", "down_proj", "mlp", "lm_head", "model.layers.1", "layers.0.mlp", "proj"]
    )
    | NAMES,
    min_size=1,
    max_size=3,
)
PATTERNS = st.sampled_from([r".*q_proj", r"model\.layers\.(1|3)\..*", r"lm_head|.*\.mlp", r"(?i)MODEL\..*", "q_proj"])
CONFIGS = st.builds(
    lambda modules, limited, exclude, saved: {
        "target_modules": modules,
        **({} if isinstance(modules, str) else limited),
        "exclude_modules": exclude,
        "modules_to_save": saved,
    },
    ENDINGS | PATTERNS,
    st.fixed_dictionaries(
        {},
        optional={
            "layers_to_transform": LAYERS | st.lists(LAYERS, min_size=1, max_size=4),
            "layers_pattern": st.sampled_from(["layers", "h", ["layers", "blocks"], ["experts"], []]),
        },
    ).filter(lambda limited: not limited.get("layers_pattern") or bool(limited.get("layers_to_transform"))),
    st.none() | ENDINGS | PATTERNS,
    st.none() | st.lists(st.sampled_from(["lm_head", "embed_tokens", "mlp"]), min_size=1, max_size=2, unique=True),
)


@given(config=CONFIGS, names=st.lists(NAMES, max_size=12, unique=True))
@settings(deadline=None, max_examples=400)
def test_a_configuration_asks_for_the_modules_that_peft_takes(config: dict[str, Any], names: list[str]) -> None:
    as_peft_reads_it = LoraConfig(**config)
    taken = {name for name in names if check_target_module_exists(as_peft_reads_it, name)}
    assert Asked.by(config).targets(names) == taken
    assert Asked.by(vars(as_peft_reads_it)).targets(names) == taken


def test_all_linear_layers_are_those_of_the_model_and_none_is_none() -> None:
    names = ["model.layers.0.q_proj", "model.layers.0.norm", "lm_head"]
    asked = Asked.by({"target_modules": "all-linear", "exclude_modules": ["q_proj"]})
    assert asked.is_word and not asked.by_pattern
    assert asked.targets(names, linear=names[:1]) == set()
    assert Asked.by({"target_modules": "ALL-linear"}).targets(names, linear=names[:1]) == {names[0]}
    assert Asked.by({"target_modules": "dummy-target-modules"}).targets(names, linear=names) == set()
    assert Asked.by({}).targets(names, linear=names) == set()


@pytest.mark.parametrize("field", ["target_modules", "exclude_modules"])
@pytest.mark.parametrize("pattern", ["*", r"((\w|\.|[a-z])+)+\.(?=[A-Z]).*"], ids=["none", "without end"])
def test_a_pattern_that_cannot_be_matched_is_refused_by_the_name_of_its_field(field: str, pattern: str) -> None:
    asked = Asked.by({"target_modules": ["q_proj"], field: pattern})
    assert asked.by_pattern
    with pytest.raises(PatternError, match=f"^{field}: "):
        asked.targets(["model.layers.10.self_attn.q_proj_with_a_name_that_goes_on_and_on"])
