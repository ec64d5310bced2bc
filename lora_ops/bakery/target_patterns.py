"""Config fields that name targets, as PEFT matches them: what is adapted, and what has a rank or alpha of its own."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ..shelf.adapter_weights import AdapterWeights
from ..target import Target
from .tied_modules import untied

#: What restricts the targets of a config beyond `target_modules`; where the targets are listed in full, these go.
_RESTRICTIONS: dict[str, Any] = {"layers_to_transform": None, "layers_pattern": None, "exclude_modules": None}
#: The fields that PEFT may match as regular expressions; one from a stranger could take for ever.
_MATCHED = ("target_modules", "exclude_modules")


def patterns(values: Mapping[str, Any], targets: Iterable[Target]) -> dict[str, Any]:
    """Keys for `rank_pattern` or `alpha_pattern` that match exactly these targets, whatever order they are read in.

    PEFT matches a key as a regular expression against the end of a target's name, and the first that matches wins. A
    kind is named alone where all its targets have the same value; else each target is, escaped and from its beginning.
    """
    members: dict[str, list[str]] = {}
    for target in targets:
        members.setdefault(target.kind, []).append(target.name)
    found: dict[str, Any] = {}
    for kind, names in members.items():
        kind_values = [values.get(name) for name in names]
        if kind_values[0] is not None and all(value == kind_values[0] for value in kind_values):
            found[re.escape(kind)] = kind_values[0]
        else:
            found |= {f"^{re.escape(name)}": values[name] for name in names if name in values}
    return found


def describe_targets(sources: Sequence[AdapterWeights], kept: Collection[str]) -> dict[str, Any]:
    """Config fields with which PEFT adapts exactly the targets `kept`, as short as the sources' own allow.

    Tied modules get a pair of weights each, and regular expressions become names. Parameters among the targets
    (experts' weights) keep their field: PEFT matches those in another way.

    Raises:
        ValueError: a parameter would be left out, or a module that is no target would become one.
    """
    everything = {target.name for weights in sources for target in weights.targets}
    parameters = frozenset[str]().union(*(weights.parameters for weights in sources))
    if left := sorted(parameters - set(kept)):
        raise ValueError(f"{left[0]} is a parameter (experts' weights), and cannot be left out: bake it silent")
    apart: dict[str, bool] = {}
    for weights in sources:
        apart |= untied(weights)
    expressions = any(_is_expression(weights.config.get(field)) for weights in sources for field in _MATCHED)
    same = everything == set(kept) and not apart and not expressions
    if same and (len(sources) == 1 or sources[0].config.get("target_parameters")):
        return {}
    names = sorted(set(kept) - parameters)
    lists: list[Any] = [weights.config.get("target_modules") for weights in sources]
    restricted = any(weights.config.get(field) for weights in sources for field in _RESTRICTIONS)
    simple = len(sources) == 1 and not apart and not expressions
    if all(isinstance(one, list | tuple | set) for one in lists) and (simple or not restricted):
        entries = sorted({entry for one in lists for entry in one if any(_ends(name, entry) for name in names)})
        wanted = all(any(_ends(name, entry) for entry in entries) for name in names)
        if wanted and not any(_ends(name, entry) for name in everything - set(kept) for entry in entries):
            return {"target_modules": entries, **apart}
    modules = frozenset[str]().union(*(weights.modules for weights in sources))
    if clash := next((m for m in modules for name in names if m != name and m.endswith(f".{name}")), None):
        raise ValueError(f"{clash} would become a target too: its name ends like a target's")
    return {"target_modules": names, **_RESTRICTIONS, **apart}


def _is_expression(names: Any) -> bool:
    """Whether PEFT takes this for a regular expression: one text, which is no list of names."""
    return isinstance(names, str) and names.lower() != "all-linear"


def _ends(name: str, entry: str) -> bool:
    return name == entry or name.endswith(f".{entry}")
