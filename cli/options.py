"""Options that several commands have: a dataclass says them once, and each command takes them as one parameter."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Any, get_type_hints

from ..lora_ops.bakery.writing import Writing
from ..lora_ops.mix import Mix
from . import arguments as asking


@dataclass(frozen=True)
class Mixing:
    """Which gains are meant."""

    mix: asking.MixFile = None
    gain: asking.Gains = None
    at_token: asking.Token = None

    def of(self, adapters: list[str]) -> Mix:
        """The mix of these adapters.

        Raises:
            ValueError: as `asking.mix_from`.
        """
        return asking.mix_from(self.mix, self.gain, adapters, self.at_token)


@dataclass(frozen=True)
class Playing(Mixing):
    """Which gains are meant, and what a model runs on."""

    device: asking.Device = "auto"
    dtype: asking.Dtype = "auto"


@dataclass(frozen=True)
class Output:
    """What is written, and where."""

    out: asking.Out
    store: asking.StoredAs = None
    overwrite: asking.Overwrite = False

    def place(self) -> tuple[Path, str]:
        """The folder that it goes into, and its name there."""
        whole = self.out.expanduser().absolute()
        return whole.parent, whole.name

    def writing(self, **more: Any) -> Writing:
        """How it gets to disk, with what a command adds."""
        return Writing(self.overwrite, asking.torch_dtype(self.store), **more)


def shared(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the fields of its dataclass parameters as options of its own, as typer wants them."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {}
    spread: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if is_dataclass(kind := hints[name]):
            groups[name] = kind
            spread += _options(kind)
        else:
            spread.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name]))

    @wraps(command)
    def run(**given: Any) -> None:
        made = {name: kind(**{one.name: given.pop(one.name) for one in fields(kind)}) for name, kind in groups.items()}
        command(**made, **given)

    run.__signature__ = inspect.Signature(spread)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in spread}
    return run


def _options(kind: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(kind)
    ]
