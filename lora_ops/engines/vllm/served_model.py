"""The model that a server has: which one it is, where it lies, and whether adapters fit it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .client import SGLANG, Client, Dialect, VllmError, model_info
from .source import Sizes, Source, check_fits, sizes_of


class AnotherModel(VllmError):
    """The server has another model than it had: adapters and likelihoods would be of the wrong one."""


@dataclass(frozen=True)
class ServedModel:
    """A server's own model. Two are the same if they go by one name and lie in one place.

    Attributes:
        name: what requests call it.
        root: where it came from: a name on the hub, or a folder, which may not be seen from here; empty if it does
            not say.
        context: how many tokens its context holds, if it says so.
    """

    name: str
    root: str
    context: int | None = field(compare=False, default=None)

    @classmethod
    def of(cls, models: Sequence[Mapping[str, Any]], client: Client, dialect: Dialect) -> ServedModel:
        """The one among those that a server names: adapters have a parent.

        SGLang gives its name for its root there, whichever model that is: it is asked for the folder as well.

        Raises:
            VllmError: there is none, or it does not answer.
        """
        found = next((one for one in models if not one.get("parent")), None)
        if found is None:
            raise VllmError(f"{client.name} names no model of its own")
        root = model_info(client).get("model_path") if dialect is SGLANG else found.get("root")
        most = found.get("max_model_len")
        return cls(str(found["id"]), str(root or ""), most if isinstance(most, int) else None)

    def __str__(self) -> str:
        """For people."""
        return self.name if self.root in ("", self.name) else f"{self.name} of {self.root}"


def check_all(sources: Sequence[Source], base: Path | str) -> Sizes:
    """Refuses adapters that do not fit a model, as far as its folder is seen from here.

    Returns:
        How large its modules are; empty where that cannot be known.

    Raises:
        CannotServe: one does not fit.
    """
    folder = Path(base).expanduser()
    sizes = sizes_of(folder) if str(base) and folder.is_dir() else {}
    for source in sources:
        check_fits(source, folder, sizes)
    return sizes
