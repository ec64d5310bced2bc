"""The files that TextGen's llama-server is to be started with: parts of adapters, which share one command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...lora_ops.optional_packages import MissingPackage
from ..adapter_loading import Tell
from ..protocol import HostError
from .llama_restart import Flags, is_ours, parts_folder

if TYPE_CHECKING:
    from ...lora_ops.engines.llama_server import Part, PartsStore


@dataclass(frozen=True)
class Loaded:
    """An adapter that is to be in the model.

    Attributes:
        source: where it lies; None where that is not known any more.
        parts: those that the server has of it; none yet if it is to be loaded.
        called: what its user calls it.
    """

    source: Path | None
    parts: Sequence[Part] = ()
    called: str = ""


def here(parts: Iterable[Part]) -> dict[str, Loaded]:
    """The adapters that parts of a server make up."""
    by_name: dict[str, list[Part]] = {}
    for part in parts:
        by_name.setdefault(part.adapter, []).append(part)
    return {name: Loaded(source_of(own[0].path), own, name) for name, own in by_name.items()}


def source_of(path: Path) -> Path | None:
    """What a part was made of, if it is still there; a file of the user's own flags is that itself."""
    from ...lora_ops.engines.llama_server.part import source_of as listed

    source = listed(path.parent) if is_ours(path) else path
    return source if source is not None and source.exists() else None


def files_for(
    adapters: Mapping[str, Loaded], model: Path, flags: Flags, taken: Sequence[Path], tell: Tell
) -> dict[str, list[Path]]:
    """The files of each adapter's parts, made if they are not there yet; those of adapters that are gone go.

    What the server has stays as it is, as long as one file for each target fits.

    Args:
        adapters: by their names in the model.
        model: the base's file.
        flags: as they are, whose files are still wanted should the server not start.
        taken: other files on the same command line.
        tell: told how far it is.

    Raises:
        HostError: llama.cpp has no form for one of them, it is for another model or damaged, or there is no room.
    """
    from ...lora_ops.engines.llama_server import PartsStore
    from ...lora_ops.engines.llama_server.command_line import LONGEST, length_of, share

    store = PartsStore(parts_folder())
    try:
        store.clear(keep=[*flags.files, *(path for path, _ in flags.opened)])
    except OSError as error:
        raise HostError(f"The parts of adapters could not be looked at: {error}.") from error

    def split(name: str, most: int | None) -> Sequence[Part]:
        one = adapters[name]
        fits = bool(one.parts) and (most is None or length_of(part.path for part in one.parts) <= most)
        if fits and (one.source is None or all(len(part.targets) == 1 for part in one.parts)):
            return one.parts
        try:
            return _split(store, name, one, model, most, tell)
        except HostError:
            if fits:  # it could be finer, and is heard as it is
                return one.parts
            raise

    found = share(adapters, split, LONGEST - length_of(taken))
    return {name: [part.path for part in parts] for name, parts in found.items()}


def _split(store: PartsStore, name: str, one: Loaded, model: Path, most: int | None, tell: Tell) -> Sequence[Part]:
    from ...lora_ops.engines.llama_server import CannotSplit

    if one.source is None:
        raise HostError(
            f"What {name!r} was loaded from is gone, so its files cannot become fewer, and with these adapters there "
            "is no room for all of them on llama-server’s command line: unload it first."
        )
    called = one.called or name
    try:
        return store.parts(
            one.source,
            model,
            name=name,
            longest=most,
            progress=lambda done, of: tell(f"Splitting {called}: {done} of {of} files …", done / of),
        )
    except CannotSplit as error:
        raise HostError(f"{called} cannot be played by llama.cpp: {error}.") from error
    except (ValueError, OSError, MissingPackage) as error:
        raise HostError(f"{called} could not be split for llama.cpp: {error}.") from error
