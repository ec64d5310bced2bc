"""What both hosts do when adapters are asked for by name: find them on the shelf, name them, load or unload them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .protocol import HostError

if TYPE_CHECKING:
    from ..lora_ops.shelf.shelf import Place

#: Told which adapter got which PEFT name.
OnLoaded = Callable[[Mapping[str, str]], None]
#: Told what is going on, in a sentence, and which part of it is done, from 0 to 1, where that is counted. What it
#: raises while something is counted ends that; nothing was changed then.
Tell = Callable[[str, float | None], None]


class Say(Protocol):
    """`Tell`, where a part need not be counted."""

    def __call__(self, text: str, part: float | None = None, /) -> None: ...


@dataclass(frozen=True)
class Wanted:
    """Which adapters are to be in the model.

    Attributes:
        load: those to be loaded, by the PEFT names that they get.
        keep: PEFT names of those that stay.
        names: the PEFT name of each that was asked for, by what was asked.
    """

    load: Mapping[str, Place]
    keep: Sequence[str]
    names: Mapping[str, str]


def wanted(
    asked: Sequence[str | Path], keep: bool, shelf: Mapping[str, Place], loaded: Mapping[str, Path | None]
) -> Wanted:
    """What has to be done for these adapters to be loaded.

    Args:
        asked: names on the shelf, or folders (and GGUF files) that are on it.
        keep: whether those that are loaded stay.
        shelf: its entries, by name.
        loaded: the folders of the loaded adapters, by PEFT name.

    Raises:
        HostError: none is asked for, or one is not on the shelf.
    """
    from ..lora_ops.shelf.peft_name import peft_name

    if not asked:
        raise HostError("Choose an adapter to load first.")
    known = {folder.resolve(): name for name, folder in loaded.items() if folder is not None}
    load: dict[str, Place] = {}
    names: dict[str, str] = {}
    for one in dict.fromkeys(asked):
        place = found(one, shelf)
        folder = place.folder.resolve()
        if folder not in known:
            # As the folder's is, so that profiles of one fit the other.
            called = place.name.rpartition(".")[0].rpartition("/")[2] if place.gguf else place.name
            known[folder] = peft_name(called, [*loaded, *load])
            load[known[folder]] = place
        names[str(one)] = known[folder]
    stay = [name for name in loaded if keep or name in names.values()]
    return Wanted(load, stay, names)


def found(asked: str | Path, shelf: Mapping[str, Place]) -> Place:
    """The entry of that name on the shelf, or in that folder.

    Raises:
        HostError: there is none.
    """
    if asked in shelf:
        return shelf[str(asked)]
    if isinstance(asked, Path) or Path(asked).is_absolute():
        folder = Path(asked).resolve()
        if place := next((place for place in shelf.values() if place.folder.resolve() == folder), None):
            return place
        raise HostError(f"{asked} is not among the adapters here: put it into their folder first.")
    close = get_close_matches(asked, shelf, n=3)
    hint = f" There is {', '.join(close)}." if close else ""
    raise HostError(f"There is no adapter {asked!r} here.{hint}")


def leaving(names: Sequence[str] | None, shelf: Mapping[str, Place], loaded: Mapping[str, Path | None]) -> list[str]:
    """The PEFT names of the adapters to be unloaded, all of them without `names`.

    Raises:
        HostError: one of them is not loaded.
    """
    if names is None:
        return list(loaded)
    by_folder = {folder.resolve(): name for name, folder in loaded.items() if folder is not None}
    chosen = []
    for name in names:
        peft = name if name in loaded else by_folder.get(shelf[name].folder.resolve()) if name in shelf else None
        if peft is None:
            raise HostError(f"The adapter {name!r} is not loaded.")
        chosen.append(peft)
    return chosen


def change(model: Any, load: Mapping[str, Place], keep: Sequence[str], upcast: bool) -> Any:
    """`change_adapters`, with its errors as a host's.

    Raises:
        HostError: it could not be done; the model is as it was.
    """
    from ..lora_ops.engines.peft.loading import LoadingError, change_adapters
    from ..lora_ops.shelf.adapter_files import AdapterFileError

    try:
        return change_adapters(model, {name: place.read() for name, place in load.items()}, keep, upcast=upcast)
    except (AdapterFileError, LoadingError) as error:
        text = str(error)
        raise HostError(f"{text[:1].upper()}{text[1:]}") from error
