"""How the parts of several adapters share the one command line that a llama-server is started with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from .part import Part

#: The longest that one argument may be on Linux, and all of them on Windows, less what else stands there: scales, too.
LONGEST = 22_000 if os.name == "nt" else 110_000
#: Shares are whole steps of so many characters: else each set of adapters would have parts of its own on the disk.
_STEP = 1_000

#: The parts of an adapter whose paths take no more than so many characters; of None, one for each target.
Split = Callable[[str, int | None], Sequence[Part]]


def length_of(paths: Iterable[Path]) -> int:
    """How many characters paths take on a command line, with a comma after each."""
    return sum(len(str(path)) + 1 for path in paths)


def share(names: Iterable[str], split: Split, longest: int | None) -> Mapping[str, Sequence[Part]]:
    """The parts of several adapters that fit one command line together: each as fine as its share of it allows.

    What one adapter does not need of its share the others have. No adapter becomes coarser while all of them fit.

    Args:
        names: of the adapters.
        split: what splits one of them; it is asked again with a smaller number where parts have to be coarser.
        longest: how many characters the paths of all may take; None where there is no limit.

    Raises:
        CannotSplit: not even one part for each kind fits.
    """
    found = {name: split(name, longest) for name in names}
    if longest is None or sum(map(_length, found.values())) <= longest:
        return found
    left = longest
    shortest_first = sorted(found, key=lambda name: _length(found[name]))
    for at, name in enumerate(shortest_first):
        most = left // (len(shortest_first) - at)
        if _length(found[name]) > most:
            found[name] = split(name, most // _STEP * _STEP or most)
        left -= _length(found[name])
    return found


def _length(parts: Sequence[Part]) -> int:
    return length_of(part.path for part in parts)
