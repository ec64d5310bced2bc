"""TextGen's llama-server started again with other adapters, by the host's own functions.

Which files it starts with stands in the host's `extra_flags` alone: the user's own first, then what was put there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..protocol import HostError
from . import llama_flags
from .chat import host_module
from .llama_flags import File

#: In the user's data of our own: the parts of adapters.
_PARTS = "parts"


@dataclass(frozen=True)
class Flags:
    """The host's flags, taken apart.

    Attributes:
        own: what the user wrote.
        files: parts of adapters that were loaded here.
        opened: parts of adapters that stood in the user's flags in one file, with the scale that they had there.
    """

    own: str
    files: Sequence[Path] = ()
    opened: Sequence[File] = ()

    @classmethod
    def now(cls) -> Flags:
        """As the host has them at the moment.

        Raises:
            HostError: they cannot be read.
        """
        text, folder = host_module("shared").args.extra_flags, parts_folder()
        try:
            files, opened = llama_flags.files_of(text, folder)
            return cls(llama_flags.without_files(text, folder), files, opened)
        except ValueError as error:
            raise HostError(f"The extra flags of the Model tab cannot be read: {error}.") from error

    @property
    def own_files(self) -> list[File]:
        """The adapters that the user put there."""
        return llama_flags.own_files(self.own)

    def loading(self, files: Sequence[Path]) -> Flags:
        """The same with these parts of adapters loaded here, and no others."""
        return replace(self, files=files)

    def opening(self, file: Path, parts: Sequence[Path], scale: float) -> Flags:
        """The same with parts in the place of the user's own file."""
        own = llama_flags.without_own(self.own, file)
        return replace(self, own=own, opened=[*self.opened, *((part, scale) for part in parts)])

    def closing(self, folder: Path, source: Path) -> Flags:
        """The same with the user's own file in the place of the parts in this folder."""
        scale = next(scale for path, scale in self.opened if path.parent == folder)
        left = [(path, scale) for path, scale in self.opened if path.parent != folder]
        return replace(self, own=llama_flags.with_own(self.own, (source, scale)), opened=left)

    def written(self) -> str:
        """As the host reads them.

        Raises:
            ValueError: a path that llama-server would take apart.
        """
        return llama_flags.with_files(self.own, self.files, self.opened)


def restart(wanted: Flags) -> None:
    """Starts the host's model again with these flags; with those of before where that fails.

    Raises:
        HostError: it did not start with them. It runs as it did before, or the message says that it does not.
    """
    before = host_module("shared").args.extra_flags
    try:
        text = wanted.written()
    except ValueError as error:
        raise HostError(f"The extra flags of the Model tab cannot be written: {error}.") from error
    if _start(text):
        return
    if _start(before):
        raise HostError(
            "llama-server did not start with these adapters (TextGen’s console says why): the model runs as before."
        )
    raise HostError("llama-server did not start again (TextGen’s console says why): press Load in the Model tab.")


def _start(flags: str | None) -> bool:
    shared, models = host_module("shared"), host_module("models")
    models.unload_model(keep_model_name=True)
    shared.args.extra_flags = flags
    shared.model, shared.tokenizer = models.load_model(shared.model_name, "llama.cpp")
    return shared.model is not None


def parts_folder() -> Path:
    """Where the parts of adapters are kept."""
    return Path(host_module("shared").user_data_dir).resolve() / "lora-mixer" / _PARTS


def is_ours(path: Path) -> bool:
    """Whether a file is one of a part."""
    return path.is_relative_to(parts_folder())


def shelf_folders() -> list[Path]:
    """The host's folder of LoRAs, and the files of adapters from elsewhere that stand in the user's flags, or did."""
    from ...lora_ops.engines.llama_server.part import source_of

    folder = Path(host_module("shared").args.lora_dir).resolve()
    try:
        flags = Flags.now()
        own = [path for path, _ in flags.own_files]
    except (HostError, ValueError):
        return [folder]
    homes = dict.fromkeys(path.parent for path, _ in flags.opened)
    own += [source for home in homes if (source := source_of(home)) is not None]
    files = dict.fromkeys(path.resolve() for path in own)
    return [folder, *(file for file in files if file.is_file() and not file.is_relative_to(folder))]
