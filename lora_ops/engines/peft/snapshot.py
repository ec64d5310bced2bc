"""How a model is put together, to be put together that way again when something fails half way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

_OF_EVERY_MODULE = ("_modules", "_parameters", "_buffers")


class Snapshot:
    """The modules of a model, what hangs on them, and what PEFT keeps in its layers; no weights are copied.

    >>> before = Snapshot(model)
    >>> try:
    ...     rebuild(model)
    ... except BaseException:
    ...     before.restore()
    ...     raise

    What was written into the weights themselves meanwhile is not undone.
    """

    def __init__(self, model: nn.Module) -> None:
        self._modules: list[tuple[Any, dict[str, Any]]] = []
        self._trainable = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
        roots = {id(module) for module in (model, getattr(model, "base_model", None), getattr(model, "model", None))}
        for module in model.modules():
            own = vars(module)
            whole = id(module) in roots or _is_peft(module) or hasattr(module, "peft_config")
            names = own if whole else _OF_EVERY_MODULE
            self._modules.append((module, {name: _copied(own[name]) for name in names if name in own}))
            if whole:
                self._modules[-1][1][_WHOLE] = True

    def restore(self) -> None:
        """Puts everything back; objects that others hold on to keep their identity."""
        for module, kept in self._modules:
            own = vars(module)
            if kept.pop(_WHOLE, False):
                for name in [name for name in own if name not in kept]:
                    del own[name]
            for name, (value, content) in kept.items():
                own[name] = value
                if isinstance(value, list):
                    value[:] = content
                elif content is not None:
                    value.clear()
                    value.update(content)
        for parameter, requires_grad in self._trainable:
            parameter.requires_grad_(requires_grad)


_WHOLE = "*"


def _is_peft(module: nn.Module) -> bool:
    return type(module).__module__.startswith("peft.") or hasattr(module, "original_module")


def _copied(value: Any) -> tuple[Any, Any]:
    """The object itself, and what is in it, if it is a container that can be changed."""
    if type(value) is list:
        return value, list(value)
    if isinstance(value, dict | set) and hasattr(value, "update"):
        return value, value.copy()
    return value, None
