"""Every field of PEFT's LoraConfig has a meaning in one table."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from peft import LoraConfig

from lora_mixer.lora_ops.shelf.lora_fields import (
    FIELDS,
    INITIALISATIONS,
    Effect,
    changes_base,
    is_set,
    meaning_of,
    traits,
    unknown_to,
    unknown_words,
    why_not_loaded,
)

KNOWN = {field.name for field in dataclasses.fields(LoraConfig)}


def config(**changes: Any) -> dict[str, Any]:
    return {"peft_type": "LORA", "r": 4, "lora_alpha": 8, **changes}


def test_every_field_of_the_installed_peft_has_a_meaning() -> None:
    assert set() == KNOWN - set(FIELDS)


def test_every_word_for_an_initialisation_has_a_meaning() -> None:
    def words(hint: Any) -> set[str]:
        if get_origin(hint) is Literal:
            return {word for word in get_args(hint) if isinstance(word, str)}
        return set().union(*map(words, get_args(hint)))

    found = words(get_type_hints(LoraConfig)["init_lora_weights"])
    assert {"gaussian", "pissa", "olora"} <= found
    assert set() == {word for word in found if meaning_of("init_lora_weights", word) is None}


def test_plain_lora_has_nothing_special() -> None:
    plain = LoraConfig(target_modules=["q_proj"], task_type="CAUSAL_LM", lora_dropout=0.1, use_rslora=True)
    assert traits(plain.to_dict()) == ()
    assert traits(config(init_lora_weights=True)) == traits(config(init_lora_weights=False)) == ()


def test_a_variant_is_told_by_its_own_field_though_its_weights_begin_as_usual() -> None:
    [kasa] = traits(config(init_lora_weights=True, kasa_config={"beta": 1e-4, "gamma": 1e-3}))
    assert kasa.effect is Effect.BASE_BY_RANK
    assert kasa.sentence.startswith("kasa_config: KaSA")
    assert "for good" in why_not_loaded(config(kasa_config={"beta": 1e-4}))


@pytest.mark.parametrize("word", ["pissa", "pissa_niter_4", "olora", "corda", "loftq"])
def test_initialisations_that_change_the_base_are_told(word: str) -> None:
    trait = changes_base(config(init_lora_weights=word))
    assert trait is not None and word in trait.named
    assert trait.meaning.keeps_rank and not trait.meaning.adds_up


@pytest.mark.parametrize("word", ["gaussian", "orthogonal", "eva", "mica", "lora_ga"])
def test_initialisations_whose_work_is_done_once_the_weights_are_read_change_nothing(word: str) -> None:
    assert changes_base(config(init_lora_weights=word)) is None
    assert why_not_loaded(config(init_lora_weights=word)) == ""


def test_a_field_that_peft_passes_over_is_told_where_it_says_something() -> None:
    read = config(use_super_lora=True, use_other=None, use_third={})
    assert unknown_to(read, KNOWN) == ("use_super_lora",)
    assert unknown_words(config(init_lora_weights="magic")) == "magic"
    assert unknown_words(config(init_lora_weights="pissa_niter_4")) == ""


def test_the_table_speaks_of_lora_alone() -> None:
    assert traits({"peft_type": "LOHA", "kasa_config": {"beta": 1}}) == ()


def test_null_false_and_empty_say_nothing() -> None:
    nothing: list[Any] = [None, False, "", "none", [], {}]
    something: list[Any] = [True, "all", [0], {"a": None}, 0.1]
    assert [is_set(value) for value in nothing] == [False] * 6
    assert [is_set(value) for value in something] == [True] * 5


def test_whatever_changes_the_base_tells_the_way_out() -> None:
    for meaning in (*FIELDS.values(), *INITIALISATIONS.values()):
        if meaning.effect in (Effect.BASE_BY_RANK, Effect.BASE_BY_SCALING, Effect.MODEL, Effect.ROUTER):
            assert meaning.way_out and meaning.says and not meaning.adds_up


def test_the_table_is_plain_data_that_needs_no_torch() -> None:
    path = Path(__file__).parents[3] / "lora_ops" / "shelf" / "lora_fields.py"
    code = f"import runpy, sys; runpy.run_path({str(path)!r}); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
