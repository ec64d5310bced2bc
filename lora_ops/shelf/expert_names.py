"""Which expert parameter the weights in an adapter's file are for: PEFT writes only how its wrappers are nested.

PEFT wraps a module once for each of its parameters that `target_parameters` names, in the order in which the module
registers them. The first is the innermost: its weights stand under `…experts.base_layer`, those of the last under
`…experts` (`peft.tuners.lora.ParamWrapper`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

#: The order in which transformers' experts register their parameters; what is not named here comes last, by name.
_ORDER = ("gate_up_proj", "gate_up_proj_bias", "gate_proj", "up_proj", "down_proj", "down_proj_bias")
_INNER = ".base_layer"


def expert_names(paths: Mapping[str, int], parameters: Iterable[str] | None) -> dict[str, str]:
    """The names of the parameters that weights at these paths are for, as a desk calls those targets.

    >>> expert_names({"0.experts": 96, "0.experts.base_layer": 96}, ["experts.up_proj", "experts.down_proj"])
    {'0.experts': '0.experts.down_proj', '0.experts.base_layer': '0.experts.up_proj'}

    Args:
        paths: of modules that the file has LoRA weights of, without PEFT's prefix; with inputs + outputs of each, by
            which a fused gate and up projection is told from what comes after it.
        parameters: the configuration's target_parameters.

    Returns:
        By path; only those that are for parameters, and only where it can be told which.
    """
    asked = sorted(set(parameters or ()))
    nests: dict[str, list[str]] = {}
    for path in paths if asked else ():
        nests.setdefault(path.replace(_INNER, ""), []).append(path)
    named: dict[str, str] = {}
    for module, members in nests.items():
        # A parameter without its module's name may be anybody's: it is not a linear layer's.
        anybodys = len(members) > 1 or "expert" in module.rpartition(".")[2]
        found = {parameter.rpartition(".")[2] for parameter in asked if _asks_for(parameter, module, anybodys)}
        if len(found) == len(members):
            innermost_first = sorted(members, key=lambda path: -path.count(_INNER))
            order = _in_order(found, [paths[path] for path in innermost_first])
            named.update((path, f"{module}.{name}") for path, name in zip(innermost_first, order, strict=True))
    return {path: named[path] for path in paths if path in named}


def _asks_for(parameter: str, module: str, anybodys: bool) -> bool:
    owner = parameter.rpartition(".")[0]
    return f".{module}".endswith(f".{owner}") if owner else anybodys


def _in_order(names: set[str], sizes: list[int]) -> list[str]:
    order = sorted(names, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))
    if names == {"gate_up_proj", "down_proj"} and sizes[0] < sizes[1]:
        order.reverse()  # the fused one is the larger
    return order
