"""A recipe in the words of those who train: PEFT, TextGen's Training tab, axolotl, LLaMA-Factory, Unsloth.

What a format has no form for stands in it as a remark, and so does what it can only hold roughly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .next_training import NextTraining, scale
from .places import spans

#: The boxes of TextGen's Training tab (`modules/training.py`).
_TEXTGEN_KINDS = ("q_proj", "v_proj", "k_proj", "o_proj", "gate_proj", "down_proj", "up_proj")
#: Its sliders go from 4 on in steps of 4, to these.
_STEP, _MOST_RANK, _MOST_ALPHA = 4, 2048, 4096
#: How far a scaling may be off before it is told.
_ROUGH = 0.01


@dataclass(frozen=True)
class Format:
    """One form of a recipe.

    Attributes:
        title: what it is called.
        language: what it is written in: "python", "yaml", "text".
        write: makes it.
    """

    title: str
    language: str
    write: Callable[[NextTraining], str]


def write_recipe(made: NextTraining, form: str) -> str:
    """A recipe as text, ready to be used.

    Args:
        made: the recipe.
        form: one of `RECIPE_FORMATS`.

    Raises:
        ValueError: there is no such format.
    """
    if form not in RECIPE_FORMATS:
        raise ValueError(f"there is no format {form!r}: choose from {', '.join(RECIPE_FORMATS)}")
    return RECIPE_FORMATS[form].write(made)


def _peft(made: NextTraining) -> str:
    fields = {"task_type": "CAUSAL_LM", **_peft_fields(made)}
    body = "".join(f"    {name}={value!r},{_sure(made, name)}\n" for name, value in fields.items())
    return f"{_head(made)}from peft import LoraConfig\n\nconfig = LoraConfig(\n{body})\n"


def _unsloth(made: NextTraining) -> str:
    fields = _peft_fields(made)
    fields.setdefault("layers_to_transform", None)
    body = "".join(f"    {name}={value!r},{_sure(made, name)}\n" for name, value in fields.items())
    notes = ["rank_pattern, alpha_pattern and exclude_modules are handed on to PEFT"] if _patterned(made) else []
    if "embed_tokens" in made.target_modules:
        notes.append("Unsloth trains embed_tokens whole, not as LoRA")
    head = _head(made) + "# model, tokenizer = FastLanguageModel.from_pretrained(…) comes before it\n" + _notes(notes)
    head += "from unsloth import FastLanguageModel\n\n"
    return f"{head}model = FastLanguageModel.get_peft_model(\n    model,\n{body})\n"


def _axolotl(made: NextTraining) -> str:
    alpha, patterns, notes = _whole(made)
    fields: dict[str, Any] = {
        "adapter": "lora",
        "lora_r": made.r,
        "lora_alpha": alpha,
        "lora_target_modules": list(made.target_modules),
        "lora_target_linear": False,
    }
    if made.target_parameters:
        fields["lora_target_parameters"] = list(made.target_parameters)
    if made.layers is not None:
        fields["peft_layers_to_transform"] = list(made.layers)
    if made.rank_pattern:
        fields["lora_rank_pattern"] = _escaped(made.rank_pattern)
    if patterns:
        fields["lora_alpha_pattern"] = _escaped(patterns)
    if made.rank_pattern or patterns:
        notes.append(
            "lora_rank_pattern and lora_alpha_pattern are new in axolotl (0.18): an older one does not know them"
        )
    if made.rank_stabilised:
        fields["peft_use_rslora"] = True
    if made.dora:
        fields["peft_use_dora"] = True
    notes += _no_form(made, "axolotl", exclude=True)
    names = {"lora_r": "r", "lora_target_modules": "target_modules", "peft_layers_to_transform": "layers_to_transform"}
    names |= {"lora_rank_pattern": "rank_pattern", "lora_alpha_pattern": "alpha_pattern"}
    return _head(made) + _notes(notes) + _yaml(made, fields, names)


def _llama_factory(made: NextTraining) -> str:
    alpha, _, notes = _whole(made)
    fields: dict[str, Any] = {
        "finetuning_type": "lora",
        "lora_rank": made.r,
        "lora_alpha": alpha,
        "lora_target": ",".join(made.target_modules),
    }
    if made.rank_stabilised:
        fields["use_rslora"] = True
    if made.dora:
        fields["use_dora"] = True
    notes += _no_form(made, "LLaMA-Factory", exclude=True, layers=True, patterns=True, parameters=True)
    names = {"lora_rank": "r", "lora_target": "target_modules"}
    return _head(made) + _notes(notes) + _yaml(made, fields, names)


def _textgen(made: NextTraining) -> str:
    scaling = made.alpha / scale(made.r, made.rank_stabilised)
    rank, alpha = _sliders(made.r, scaling)
    notes = []
    if rank != made.r:
        notes.append(f"the slider goes in steps of {_STEP}: rank {made.r} became {rank}")
    if abs(alpha / rank / scaling - 1) > _ROUGH:
        notes.append(f"so does that of alpha: the scaling is {alpha / rank:.3g}, {scaling:.3g} was wanted")
    if made.rank_stabilised:
        notes.append("the tab knows no rank-stabilised LoRA: alpha is what gives the same scaling as alpha / r")
    if made.dora:
        notes.append("the tab knows no DoRA: this is plain LoRA")
    others = [kind for kind in made.target_modules if kind not in _TEXTGEN_KINDS]
    whole = bool(others)
    if whole:
        notes.append(f"it has no box for {', '.join(others)}: all linear layers are trained, and nothing else")
    notes += _no_form(made, "the tab", exclude=True, layers=True, patterns=True, parameters=True)
    lines = [f"LoRA Rank: {rank}", f"LoRA Alpha: {alpha}", f"Target all linear layers: {_on(whole)}"]
    if not whole:
        lines += [f"Enable {kind}: {_on(kind in made.target_modules)}" for kind in _TEXTGEN_KINDS]
    return _head(made) + "# TextGen, tab Training, Train LoRA\n" + _notes(notes) + "\n".join(lines) + "\n"


RECIPE_FORMATS: Mapping[str, Format] = {
    "peft": Format("PEFT", "python", _peft),
    "textgen": Format("TextGen’s Training tab", "text", _textgen),
    "axolotl": Format("axolotl", "yaml", _axolotl),
    "llama-factory": Format("LLaMA-Factory", "yaml", _llama_factory),
    "unsloth": Format("Unsloth", "python", _unsloth),
}


def _peft_fields(made: NextTraining) -> dict[str, Any]:
    """As `LoraConfig` has them."""
    fields: dict[str, Any] = {
        "r": made.r,
        "lora_alpha": made.alpha,
        "use_rslora": made.rank_stabilised,
        "target_modules": list(made.target_modules),
    }
    if made.target_parameters:
        fields["target_parameters"] = list(made.target_parameters)
    if made.layers is not None:
        fields["layers_to_transform"] = list(made.layers)
    if made.exclude_modules:
        fields["exclude_modules"] = list(made.exclude_modules)
    if made.rank_pattern:
        fields["rank_pattern"] = _escaped(made.rank_pattern)
    if made.alpha_pattern:
        fields["alpha_pattern"] = _escaped(made.alpha_pattern)
    if made.dora:
        fields["use_dora"] = True
    return fields


def _escaped(pattern: Mapping[str, Any]) -> dict[str, Any]:
    """PEFT reads the keys as regular expressions."""
    return {re.escape(kind): value for kind, value in pattern.items()}


def _patterned(made: NextTraining) -> bool:
    return bool(made.rank_pattern or made.alpha_pattern or made.exclude_modules)


def _whole(made: NextTraining) -> tuple[int, dict[str, int], list[str]]:
    """Alphas as the whole numbers that some formats want, and what that changes."""
    alpha = max(1, round(made.alpha))
    notes = _rounded("lora_alpha", made.alpha, alpha)
    patterns = {kind: max(1, round(value)) for kind, value in made.alpha_pattern.items()}
    for kind, value in made.alpha_pattern.items():
        notes += _rounded(f"alpha of {kind}", value, patterns[kind])
    return alpha, {kind: value for kind, value in patterns.items() if value != alpha}, notes


def _rounded(what: str, wanted: float, whole: int) -> list[str]:
    off = abs(whole / wanted - 1) > _ROUGH
    return [f"{what} is a whole number here: {whole} for {wanted:g}"] if off else []


def _no_form(
    made: NextTraining,
    where: str,
    *,
    exclude: bool = False,
    layers: bool = False,
    patterns: bool = False,
    parameters: bool = False,
) -> list[str]:
    """What is left out, for what this format has no form for."""
    notes = []
    if layers and made.layers is not None:
        notes.append(f"{where} has no form for layers_to_transform ({spans(made.layers)}): all layers are trained")
    if patterns and made.rank_pattern:
        notes.append(f"{where} has no form for rank_pattern ({_told(made.rank_pattern)})")
    if patterns and made.alpha_pattern:
        notes.append(f"{where} has no form for alpha_pattern ({_told(made.alpha_pattern)})")
    if exclude and made.exclude_modules:
        count, first = len(made.exclude_modules), made.exclude_modules[0]
        more = f" and {count - 1} more" if count > 1 else ""
        notes.append(f"{where} has no form for exclude_modules: {first}{more} would be trained too")
    if parameters and made.target_parameters:
        notes.append(f"{where} has no form for target_parameters ({', '.join(made.target_parameters)})")
    return notes


def _told(pattern: Mapping[str, float]) -> str:
    return ", ".join(f"{kind} {value:g}" for kind, value in pattern.items())


def _sliders(rank: int, scaling: float) -> tuple[int, int]:
    """The rank and alpha that TextGen's sliders can take and that keep the scaling; twice the rank where it helps."""
    first = min(_MOST_RANK, -(-rank // _STEP) * _STEP)
    exact = [one for one in (first, 2 * first) if abs(_step(one * scaling) / one / scaling - 1) <= _ROUGH]
    chosen = exact[0] if exact and exact[0] <= _MOST_RANK else first
    return chosen, _step(chosen * scaling)


def _step(alpha: float) -> int:
    return min(_MOST_ALPHA, max(_STEP, round(alpha / _STEP) * _STEP))


def _yaml(made: NextTraining, fields: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """JSON's texts, numbers and lists are YAML's."""
    return "".join(
        f"{field}: {json.dumps(value)}{_sure(made, names.get(field, field))}\n" for field, value in fields.items()
    )


def _sure(made: NextTraining, field: str) -> str:
    line = next((one for one in made.lines if one.of == field), None)
    return f"  # {line.sure.value}" if line else ""


def _head(made: NextTraining) -> str:
    return _notes([f"LoRA Mixer: what to try next time, after {made.adapter}"])


def _notes(notes: Iterable[str]) -> str:
    """As remarks, each on a line of its own whatever stands in it."""
    return "".join(f"# {_one_line(note)}\n" for note in notes)


def _one_line(text: str) -> str:
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def _on(value: bool) -> str:
    return "on" if value else "off"


def plain_lines(made: NextTraining) -> Sequence[str]:
    """The lines for a terminal: "r = 4 [measured here]: 95 % of …"."""
    return [
        f"{one.advice} [{one.sure.value}{f': {one.source}' if one.source else ''}]: {one.why}." for one in made.lines
    ]
