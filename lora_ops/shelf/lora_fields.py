"""What every field of PEFT's LoraConfig means for scaling, folding, combining and unloading: plain data.

Read from PEFT 0.18 to 0.21 (`peft/tuners/lora`: `config.py`, `layer.py`, `variants.py`, `model.py`). Whoever loads,
bakes, combines, merges or describes an adapter asks here, so that an adapter is the same thing to all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Effect(Enum):
    """What a field does to the sound of an adapter once it is trained and loaded."""

    NOTE = "a note about the adapter"
    TRAINING = "it matters in training alone: the adapter plays like plain LoRA"
    TARGETS = "it says which modules are adapted"
    SCALING = "it goes into ranks and scalings"
    BESIDES = "it brings weights that no gain moves"
    FORM = "its weights have another form: what they add is in proportion to the scaling still"
    MAGNITUDE = "what it adds is not in proportion to the scaling: the magnitude must move with it"
    TOKENS = "it acts from certain tokens on, not on the whole text"
    ROUTER = "it adds nothing of its own, and chooses among the other adapters of the model"
    BASE_BY_RANK = "it changes the base model's weights for good when it is loaded, by its ranks"
    BASE_BY_SCALING = "it changes the base model's weights for good when it is loaded, by its scaling"
    MODEL = "it changes what the base model is made of"


#: A base model that such an adapter was loaded into is another one, also after the adapter is gone.
CHANGES_BASE = (Effect.BASE_BY_RANK, Effect.BASE_BY_SCALING)


@dataclass(frozen=True)
class Meaning:
    """What a field, or one value of it, means.

    Attributes:
        effect: what it does.
        says: for people, after the field and its value: "kasa_config: …".
        keeps_rank: whether ranks must stay as they are: something besides A and B has their size, or depends on them.
        adds_up: whether an adapter that has it set can be put together with others.
        divides: whether PEFT divides by the scaling when it loads the adapter, which 0 and what is below would break.
        leaves: names of tensors in its file that only training needs.
        way_out: what to do with an adapter that cannot be loaded for it; empty where it can.
    """

    effect: Effect
    says: str = ""
    keeps_rank: bool = False
    adds_up: bool = True
    divides: bool = False
    leaves: tuple[str, ...] = ()
    way_out: str = ""

    @property
    def special(self) -> bool:
        """Whether a user should hear of it, wherever the adapter is described."""
        return self.effect not in (Effect.NOTE, Effect.TARGETS, Effect.SCALING)


@dataclass(frozen=True)
class Trait:
    """One field that an adapter has set, and what that means."""

    field: str
    value: Any
    meaning: Meaning

    @property
    def effect(self) -> Effect:
        return self.meaning.effect

    @property
    def named(self) -> str:
        """The field with its value where that is a word: `init_lora_weights='olora'`; else the field alone."""
        return f"{self.field}={self.value!r}" if isinstance(self.value, str) else self.field

    @property
    def sentence(self) -> str:
        """For people: what it does."""
        return f"{self.named}: {self.meaning.says or self.effect.value}"


_CONVERT = "save it as plain LoRA (PEFT's path_initial_model_for_weight_conversion)"
_NOTE, _TRAINING = Meaning(Effect.NOTE), Meaning(Effect.TRAINING)
_TARGETS, _SCALING = Meaning(Effect.TARGETS), Meaning(Effect.SCALING)

#: Every field, in PEFT's order. What it means holds where it is set, that is, neither null, false nor empty.
FIELDS: Mapping[str, Meaning] = {
    "task_type": _NOTE,
    "peft_type": _NOTE,
    "auto_mapping": _NOTE,
    "peft_version": _NOTE,
    "base_model_name_or_path": _NOTE,
    "revision": _NOTE,
    "inference_mode": _NOTE,
    "r": _SCALING,
    "target_modules": _TARGETS,
    "exclude_modules": _TARGETS,
    "lora_alpha": _SCALING,
    "lora_dropout": _NOTE,
    "fan_in_fan_out": _NOTE,
    "bias": Meaning(
        Effect.BESIDES,
        "biases of the base model are replaced for good by those that were trained; no gain moves them",
        way_out="train it with bias='none'",
    ),
    "use_rslora": _SCALING,
    "modules_to_save": Meaning(Effect.BESIDES, "full copies of modules, which no gain moves"),
    "init_lora_weights": _TRAINING,  # what its words mean stands in INITIALISATIONS
    "layers_to_transform": _TARGETS,
    "layers_pattern": _TARGETS,
    "rank_pattern": _SCALING,
    "alpha_pattern": _SCALING,
    "megatron_config": Meaning(
        Effect.MODEL, "it asks for Megatron's layers", adds_up=False, way_out="load it where Megatron is"
    ),
    "megatron_core": _NOTE,
    "trainable_token_indices": Meaning(Effect.BESIDES, "embeddings of some tokens were replaced, which no gain moves"),
    "loftq_config": _NOTE,
    "eva_config": _NOTE,
    "corda_config": _NOTE,
    "lora_ga_config": _NOTE,
    "use_dora": Meaning(
        Effect.MAGNITUDE, "DoRA: its magnitudes move with the gain, and depend on the base model", adds_up=False
    ),
    "velora_config": Meaning(
        Effect.TRAINING,
        "VeLoRA trains with another backward pass, and plays like plain LoRA",
        leaves=("lora_velora_embed",),
    ),
    "alora_invocation_tokens": Meaning(
        Effect.TOKENS, "aLoRA: it acts from its invocation tokens on, not on the whole text", adds_up=False
    ),
    "use_qalora": Meaning(
        Effect.FORM, "QALoRA: A reads inputs pooled in groups, on a base in GPTQ's format alone", adds_up=False
    ),
    "qalora_group_size": _NOTE,
    "monteclora_config": Meaning(
        Effect.TRAINING,
        "MonteCLoRA adds noise in training, and plays like plain LoRA",
        leaves=("lora_monteclora_sampler",),
    ),
    "layer_replication": Meaning(
        Effect.MODEL,
        "it repeats layers of the base model",
        adds_up=False,
        way_out="load the model anew with this adapter alone, by PEFT itself",
    ),
    "runtime_config": _NOTE,
    "lora_bias": Meaning(Effect.FORM, "B has a bias, which moves with the gain"),
    "target_parameters": Meaning(Effect.FORM, "it adapts parameters (experts' weights), not whole modules"),
    "use_bdlora": Meaning(
        Effect.FORM, "BD-LoRA: A or B holds the blocks of its diagonal alone", keeps_rank=True, adds_up=False
    ),
    "arrow_config": Meaning(
        Effect.ROUTER,
        "Arrow: a router among the other adapters of the model, at scales of its own",
        keeps_rank=True,
        adds_up=False,
        way_out="load the adapters that it routes among, each by itself",
    ),
    "kasa_config": Meaning(
        Effect.BASE_BY_RANK,
        "KaSA: PEFT takes the smallest components out of the base model's weights for good when it is loaded",
        keeps_rank=True,
        adds_up=False,
        way_out="load the model anew with this adapter alone, by PEFT itself",
    ),
    "ensure_weight_tying": Meaning(
        Effect.FORM, "tied modules (embeddings and lm_head) share one pair of A and B: one gain holds for both"
    ),
}


def _takes_out(name: str, effect: Effect, divides: bool = False) -> Meaning:
    says = f"{name}: PEFT takes a part out of the base model's weights for good when the adapter is loaded"
    return Meaning(effect, says, keeps_rank=True, adds_up=False, divides=divides, way_out=_CONVERT)


#: What the words of `init_lora_weights` mean; true, false and null mean nothing once the weights are read from a file.
INITIALISATIONS: Mapping[str, Meaning] = {
    "gaussian": _NOTE,
    "orthogonal": _NOTE,
    "eva": Meaning(Effect.TRAINING, "EVA chose where training began; it plays like plain LoRA"),
    "mica": Meaning(Effect.TRAINING, "MiCA trains A alone, and plays like plain LoRA"),
    "lora_ga": Meaning(
        Effect.TRAINING,
        "LoRA-GA took a part out of the base model when training began, which PEFT does not do again: unless it was "
        "saved as plain LoRA, it was trained on another base than it plays on",
    ),
    # The principal components, whatever the scaling: PEFT divides them by it first.
    "pissa": _takes_out("PiSSA", Effect.BASE_BY_RANK, divides=True),
    "corda": _takes_out("CorDA", Effect.BASE_BY_RANK, divides=True),
    "loftq": Meaning(
        Effect.BASE_BY_RANK,
        "LoftQ: PEFT rounds the base model's weights for good when the adapter is loaded",
        keeps_rank=True,
        adds_up=False,
        way_out="save the rounded base model, and set init_lora_weights to true in the adapter's config",
    ),
    "olora": _takes_out("OLoRA", Effect.BASE_BY_SCALING),
}


def is_set(value: Any) -> bool:
    """Whether a value of a field says anything: null, false, "none" and what is empty do not."""
    return value not in (None, False, "", "none") and not (isinstance(value, Collection) and not value)


def is_lora(config: Mapping[str, Any]) -> bool:
    """Whether this is a config of LoRA itself: the table holds for no other method."""
    return str(config.get("peft_type") or "").upper() == "LORA"


def meaning_of(field: str, value: Any) -> Meaning | None:
    """What a field of LoraConfig means at this value; None where the table does not know it."""
    if field != "init_lora_weights" or not isinstance(value, str):
        return FIELDS.get(field)
    word = value.lower()
    return next((meaning for name, meaning in INITIALISATIONS.items() if word.startswith(name)), None)


def traits(config: Mapping[str, Any]) -> tuple[Trait, ...]:
    """What is special about an adapter of this configuration, in the table's order; empty for plain LoRA.

    Args:
        config: the fields of its adapter_config.json.
    """
    if not is_lora(config):
        return ()
    found = (Trait(field, config[field], meaning_of(field, config[field]) or _TRAINING) for field in _in_order(config))
    return tuple(trait for trait in found if is_set(trait.value) and trait.meaning.special and _says_more(trait))


def _says_more(trait: Trait) -> bool:
    return trait.field != "init_lora_weights" or isinstance(trait.value, str)


def _in_order(config: Mapping[str, Any]) -> Iterable[str]:
    return (field for field in FIELDS if field in config)


def with_effect(config: Mapping[str, Any], *effects: Effect) -> Trait | None:
    """The first field of this configuration that has one of these effects."""
    return next((trait for trait in traits(config) if trait.effect in effects), None)


def changes_base(config: Mapping[str, Any]) -> Trait | None:
    """The field for which loading this adapter changes the base model's weights, also once it is unloaded."""
    return with_effect(config, *CHANGES_BASE)


def why_not_loaded(config: Mapping[str, Any]) -> str:
    """Why this adapter cannot be loaded into a model that others use too, and what to do; empty if it can."""
    trait = next((trait for trait in traits(config) if trait.meaning.way_out), None)
    return f"{trait.sentence}; {trait.meaning.way_out}" if trait else ""


def unknown_to(config: Mapping[str, Any], known: Collection[str]) -> tuple[str, ...]:
    """The fields that this PEFT passes over, though they are set.

    Args:
        config: the fields of an adapter_config.json.
        known: the fields that the installed PEFT knows, as `dataclasses.fields` of its config class gives them.
    """
    return tuple(field for field, value in config.items() if field not in known and is_set(value))


def unknown_words(config: Mapping[str, Any]) -> str:
    """A word of `init_lora_weights` that the table does not know, or nothing."""
    word = config.get("init_lora_weights")
    known = not is_lora(config) or not isinstance(word, str) or meaning_of("init_lora_weights", word) is not None
    return "" if known else str(word)
