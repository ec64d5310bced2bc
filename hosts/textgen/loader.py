"""What differs between the loaders of TextGen, seen from the host: the model, and how adapters get into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..adapter_loading import OnLoaded, Tell
from ..protocol import HostError, Trouble
from .chat import Turn, host_module

if TYPE_CHECKING:
    from ...lora_ops.engines.engine import Engine
    from ...lora_ops.engines.sampling import Sampling


class Loader(Protocol):
    """The model that one of the host's loaders has loaded."""

    #: The host's model, if faders can move anything in it.
    model: Any | None

    @property
    def engine(self) -> Engine | None:
        """What plays it: the same object as long as it is the same model; None where there is none yet."""

    def trouble(self) -> Trouble | None:
        """Why nothing can be mixed, or None."""

    def loaded(self) -> dict[str, Path | None]:
        """The adapters in it, with their places on disk."""

    def load(
        self, names: Sequence[str | Path], keep: bool, on_loaded: OnLoaded | None, tell: Tell
    ) -> Mapping[str, str]:
        """Loads adapters of the shelf; the caller holds the host's generation lock.

        Raises:
            HostError: it cannot be done; everything is as it was.
        """

    def unload(self, names: Sequence[str] | None) -> None:
        """Unloads adapters, or all; the caller holds the host's generation lock.

        Raises:
            HostError: one of them is not loaded, or it cannot be done; everything is as it was.
        """

    def merged_sources(self) -> list[str]:
        """The adapters that the host has loaded together, though it plays a blend of them, or the first."""

    def shelf_folders(self) -> list[Path]:
        """Where adapters for it lie: folders of them, and files."""

    def whole_adapters(self) -> dict[str, bool]:
        """As `protocol.OpensUp` tells."""

    def open_up(self, name: str, on_loaded: OnLoaded | None, tell: Tell) -> None:
        """As `protocol.OpensUp` tells; the caller holds the host's generation lock."""

    def close_up(self, name: str, on_loaded: OnLoaded | None) -> None:
        """As `protocol.OpensUp` tells; the caller holds the host's generation lock."""

    def call(self, turn: Turn, seed: int) -> tuple[tuple[int, ...], Sampling]:
        """What the host would generate from: token ids, and settings. The caller holds the host's generation lock.

        Raises:
            HostError: the prompt does not fit, or the settings cannot be used.
        """

    def answering(self, seed: int) -> AbstractContextManager[None]:
        """Around the host's own generation.

        Raises:
            HostError: the host could not generate, and told nobody but its log.
        """


def name_of(model: Any) -> str:
    """What the host calls the loader of its model."""
    return str(host_module("shared").args.loader or type(model).__name__)


def load_advice(multi_user: bool) -> str:
    """What to load so that there is something to mix."""
    if multi_user:
        return "In multi-user mode, start TextGen with --loader Transformers --model NAME --lora NAME."
    load = "In the Model tab, load a model with the Transformers loader, or a GGUF file with llama.cpp"
    return f"{load}. Then load an adapter on the Adapters tab."


class NoFiles:
    """A loader whose adapters are folders on the shelf, and no files in flags."""

    def shelf_folders(self) -> list[Path]:
        return [Path(host_module("shared").args.lora_dir).resolve()]

    def whole_adapters(self) -> dict[str, bool]:
        return {}

    def open_up(self, name: str, on_loaded: OnLoaded | None, tell: Tell) -> None:
        raise HostError(f"{name} has its faders already: only adapters of llama.cpp’s extra flags are opened up.")

    def close_up(self, name: str, on_loaded: OnLoaded | None) -> None:
        raise HostError(f"{name} has its faders already: only adapters of llama.cpp’s extra flags are put back.")


class Foreign(NoFiles):
    """A loader that has no place for adapters: ExLlamaV3, TensorRT."""

    model: Any | None = None
    engine: Engine | None = None

    def __init__(self, model: Any, multi_user: bool) -> None:
        self._name, self._multi_user = name_of(model), multi_user

    def trouble(self) -> Trouble:
        return Trouble(f"{self._name} cannot mix adapters", f"It does not load LoRAs. {load_advice(self._multi_user)}")

    def loaded(self) -> dict[str, Path | None]:
        return {}

    def merged_sources(self) -> list[str]:
        return []

    def load(
        self, names: Sequence[str | Path], keep: bool, on_loaded: OnLoaded | None, tell: Tell
    ) -> Mapping[str, str]:
        raise HostError(f"{self._name} does not load adapters: load the model with the Transformers loader.")

    def unload(self, names: Sequence[str] | None) -> None:
        raise HostError(f"{self._name} does not load adapters: load the model with the Transformers loader.")

    def call(self, turn: Turn, seed: int) -> tuple[tuple[int, ...], Sampling]:
        raise HostError(f"{self._name} cannot mix adapters.")

    def answering(self, seed: int) -> AbstractContextManager[None]:
        raise HostError(f"{self._name} cannot mix adapters.")
