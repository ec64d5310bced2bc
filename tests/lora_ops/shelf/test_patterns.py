"""PEFT's rules of patterns: what they say of a name, and that whatever is written there ends."""

from __future__ import annotations

import re
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peft.utils.other import get_pattern_key

from lora_mixer.lora_ops.shelf.patterns import Patience, PatternError, Patterns, pattern_value, whole_matches

NAMES = [
    "model.layers.0.self_attn.q_proj",
    "model.layers.1.self_attn.q_proj",
    "model.layers.10.mlp.down_proj",
    "model.layers.1.mlp.experts.gate_up_proj",
    "model.layers.1.mlp.experts.down_proj",
    "model.self_attn_q_proj",
    "lm_head",
    "model.lm_head",
]
PATTERNS = [
    "q_proj",
    "self_attn.q_proj",
    "^q_proj",
    "j_proj",
    r".*\.down_proj",
    r"experts\.(gate_up|down)_proj",
    r"^model\.layers\.0\.self_attn\.q_proj$",
    r"^model\.layers\.1\.self_attn\.q_proj",
    r"layers\.(0|10)\..*",
    r"model\.layers\.\d+\.mlp\..*",
    "^lm_head$",
    "lm_head",
    "self.attn.q.proj",
    r"(?:layers|blocks)\.[0-9]{1,2}\.self_attn\.[qv]_proj",
]
#: Takes about for ever on any name that is a little longer than usual: in `re`, or in `regex` too.
ENDLESS = [r"(([a-z0-9_.])+)+X", r"((\w|\.|[a-z])+)+\.(?=[A-Z]).*", r"(.*.*)*x"]
LONG = "model.layers.10.self_attn.q_proj_with_a_name_that_goes_on_and_on"


@given(patterns=st.lists(st.sampled_from(PATTERNS), max_size=5, unique=True), name=st.sampled_from(NAMES))
@settings(deadline=None, max_examples=400)
def test_a_pattern_says_what_it_says_to_peft(patterns: list[str], name: str) -> None:
    values = {pattern: at for at, pattern in enumerate(patterns)}
    assert pattern_value(values, name, -1) == values.get(get_pattern_key(patterns, name), -1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pattern", [*PATTERNS, r"(?i).*Q_PROJ", r"^(?:.*?(?:layers).*?(?:q_proj|down_proj).*?)$"])
def test_a_whole_pattern_matches_what_it_matches_for_peft(pattern: str, name: str) -> None:
    assert whole_matches(pattern, [name]) == ([name] if re.fullmatch(pattern, name) else [])


@pytest.mark.parametrize("pattern", ENDLESS)
def test_a_pattern_without_end_ends(pattern: str) -> None:
    began = process_time()
    for ask in (lambda: pattern_value({pattern: 1}, LONG, 0), lambda: whole_matches(pattern, [LONG] * 1000)):
        try:
            assert not ask()
        except PatternError as error:
            assert "takes too long" in str(error)
    assert process_time() - began < 50


def test_patience_is_for_one_adapter_altogether() -> None:
    patience = Patience()
    for _ in range(2):
        with pytest.raises(PatternError, match="takes too long"):
            Patterns({ENDLESS[1]: 1}, patience).value(LONG, 0)
    with pytest.raises(PatternError, match="takes too long"):
        Patterns({r".*q_proj": 1}, patience).value(LONG, 0)


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("*", "no regular expression"),
        ("(" * 5000, "no regular expression"),
        ("q_proj{e<=1}", "braces"),
        ("[[:alpha:]]_proj", "classes"),
        ("a*" * 200_000, "longer than"),
    ],
)
def test_what_cannot_be_matched_is_refused(pattern: str, says: str) -> None:
    for ask in (lambda: pattern_value({pattern: 1}, LONG, 0), lambda: whole_matches(pattern, [LONG])):
        with pytest.raises(PatternError, match=says) as refused:
            ask()
        assert len(str(refused.value)) < 300


def test_many_plain_keys_are_looked_up() -> None:
    names = [f"model.layers.{layer}.mlp.experts.{expert}.w1" for layer in range(40) for expert in range(128)]
    patterns = Patterns({name: at for at, name in enumerate(names)})
    began = process_time()
    assert [patterns.value(name, -1) for name in names] == list(range(len(names)))
    assert process_time() - began < 10
