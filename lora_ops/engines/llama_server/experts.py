"""Experts as llama.cpp has them: one weight for those of a layer, (experts, out, in).

PEFT has them as modules, one for each expert, or as one parameter with the experts in front (`target_parameters`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ...shelf.adapter_files import FileTarget
from .base import Base
from .pair import CannotSplit, Pair, check_fits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    #: A and B of a target as PEFT has them.
    Read = Callable[[FileTarget], tuple[NDArray[Any], NDArray[Any]]]

#: One of several experts that are modules of their own: `…experts.5.w1`.
EXPERT = re.compile(r"(?P<all>.+\.experts)\.(?P<number>\d{1,5})\.(?P<kind>[^.]+)")
#: A parameter with a matrix for each expert: transformers' name of it, after the module's.
_PARAMETER = re.compile(r"(?P<all>.+\.experts)\.(?P<kind>gate_up_proj|gate_proj|up_proj|down_proj)")
#: Of gate_up_proj the gate's rows stand first, or gate and up take turns (llama.cpp's conversion/qwen.py and
#: gpt_oss.py; transformers' `is_concatenated`). Of the experts of other architectures this is not known here.
_GATE_FIRST = frozenset(["llama", "qwen2moe", "qwen3moe", "olmoe", "deepseek2"])
_TAKING_TURNS = frozenset(["gpt-oss"])


def modules_pair(name: str, tensor: str, members: Mapping[int, FileTarget], read: Read, base: Base) -> Pair:
    """One pair for experts that are modules: ranks padded, what differs in scaling in B, zeros for who is missing.

    Args:
        name: of all of them together, `…experts.w1`.
        tensor: llama.cpp's name of their weight.
        members: the experts that are adapted, by number.
        read: A and B of one of them.
        base: the model.

    Raises:
        CannotSplit: it does not fit the model.
    """
    shape = base.shapes.get(tensor, ())
    count = shape[0] if len(shape) == 3 else 0
    if max(members) >= count:
        raise CannotSplit(f"{name} has {max(members) + 1} experts or more, and {base.file.path.name} has {count}")
    rank = max(target.rank for target in members.values())
    scaling = max((target.scaling for target in members.values()), key=abs)
    for target in members.values():
        check_fits(target.name, tensor, (count, rank, target.inputs), (count, target.outputs, rank), base)
    first = members[min(members)]
    stacked = partial(_stacked, members, count, rank, scaling, read)
    return Pair(name, tensor, first.layer, rank, scaling, stacked, count * rank * (first.inputs + first.outputs))


def _stacked(
    members: Mapping[int, FileTarget], count: int, rank: int, scaling: float, read: Read
) -> tuple[NDArray[Any], NDArray[Any]]:
    first = members[min(members)]
    alike = all(target.scaling == scaling for target in members.values())
    pairs = {number: read(target) for number, target in members.items()}
    dtype = np.result_type(*(one for pair in pairs.values() for one in pair), *(() if alike else (np.float32,)))
    a, b = np.zeros((count, rank, first.inputs), dtype), np.zeros((count, first.outputs, rank), dtype)
    for number, (own_a, own_b) in pairs.items():
        target = members[number]
        factor = 1.0 if target.scaling == scaling else target.scaling / scaling
        a[number, : target.rank], b[number, :, : target.rank] = (
            own_a,
            own_b * np.float32(factor) if factor != 1 else own_b,
        )
    return a, b


def parameter_pair(
    target: FileTarget, tensor_of: Callable[[str], str], read: Read, rows: int, base: Base, made_by: str
) -> Pair:
    """The pair of a parameter with the experts in front; of a fused gate and up projection it is for two weights.

    Args:
        target: of the adapter.
        tensor_of: llama.cpp's name of a module's weight.
        read: A and B of the target.
        rows: how many A has, those of all experts.
        base: the model.
        made_by: the version of PEFT that wrote the adapter; empty where it does not say.

    Raises:
        CannotSplit: it is no parameter of experts or of what chooses them, not one of this model's, or it cannot be
            told which way round it is.
    """
    found = _PARAMETER.fullmatch(target.name)
    if router := target.name.removesuffix(".weight") if target.name.endswith(".gate.weight") else "":
        return _router_pair(target, tensor_of(router), read, base)
    if found is None or not target.rank:
        raise CannotSplit(
            f"{target.name} is a parameter, and of those llama.cpp plays experts' and routers' alone; merge it into "
            "the model instead, and convert that"
        )
    turns = base.architecture in _TAKING_TURNS
    if not turns and base.architecture not in _GATE_FIRST:
        raise CannotSplit(
            f"{target.name}: how llama.cpp lays out the experts of {base.architecture!r} models is not known here; "
            "merge it into the model instead, and convert that"
        )
    tensors = _weights(found["all"], found["kind"], tensor_of, base, turns)
    shape = base.shapes.get(tensors[0], ())
    if len(shape) != 3:
        raise CannotSplit(f"{target.name} is not in {base.file.path.name}, which has no {tensors[0]} for experts")
    experts, outputs, inputs = shape[0], shape[1] * len(tensors), shape[2]
    if rows != experts * target.rank or {target.inputs, target.outputs} != {inputs, outputs}:
        raise CannotSplit(
            f"{target.name} is for {rows // target.rank} experts of {target.outputs} x {target.inputs} numbers, and "
            f"{base.file.path.name} has {experts} of {outputs} x {inputs}: the adapter is for another model"
        )
    swapped = _swapped(target, inputs, outputs, made_by, turns)
    alternating = turns and found["kind"] == "gate_up_proj"
    stood = partial(_stood_up, target, read, experts, swapped, alternating)
    size = experts * target.rank * (inputs + outputs)
    return Pair(target.name, tensors[0], target.layer, target.rank, target.scaling, stood, size, more=tensors[1:])


def _router_pair(target: FileTarget, tensor: str, read: Read, base: Base) -> Pair:
    """The pair of what chooses the experts: transformers 5 has it as a parameter, and it is a matrix like any other."""
    rank, inputs, outputs = target.rank, target.inputs, target.outputs
    check_fits(target.name, tensor, (rank, inputs), (outputs, rank), base)
    numbers = partial(read, target)
    return Pair(target.name, tensor, target.layer, rank, target.scaling, numbers, rank * (inputs + outputs))


def _weights(owner: str, kind: str, tensor_of: Callable[[str], str], base: Base, turns: bool) -> tuple[str, ...]:
    """llama.cpp's weights that one parameter is: a fused one is two, unless the file was made with both in one."""
    if kind != "gate_up_proj":
        return (tensor_of(f"{owner}.{kind}"),)
    gate, up = tensor_of(f"{owner}.gate_proj"), tensor_of(f"{owner}.up_proj")
    together = gate.replace("ffn_gate_exps", "ffn_gate_up_exps")
    return (together,) if together in base.shapes and not turns else (gate, up)


def _swapped(target: FileTarget, inputs: int, outputs: int, made_by: str, turns: bool) -> bool:
    """Whether A has the parameter's outputs: PEFT 0.18 takes the first size for inputs, whatever it is.

    Where both sizes are alike nothing but the version tells; of gpt-oss the first size is the inputs.
    """
    if inputs != outputs:
        return target.inputs == outputs
    version = tuple(int(word) for word in re.findall(r"\d+", made_by)[:2])
    if turns or version >= (0, 21):
        return False
    if version == (0, 18):
        return True
    raise CannotSplit(
        f"{target.name} has as many inputs as outputs, and versions of PEFT differ in which are A's: save the adapter "
        "with PEFT 0.21 or later, which writes its version into the configuration (peft_version)"
    )


def _stood_up(
    target: FileTarget, read: Read, experts: int, swapped: bool, alternating: bool
) -> tuple[NDArray[Any], NDArray[Any]]:
    """A and B with the experts in front: PEFT has these outermost in A's rows, and innermost in B's columns."""
    first, second = read(target)
    a = first.reshape(experts, -1, first.shape[-1])
    b = second.reshape(len(second), -1, experts).transpose(2, 0, 1)
    if swapped:
        a, b = b.swapaxes(1, 2), a.swapaxes(1, 2)
    return a, np.concatenate([b[:, ::2], b[:, 1::2]], axis=1) if alternating else b
