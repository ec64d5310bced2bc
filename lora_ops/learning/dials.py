"""The numbers that are learned: each multiplies one fader, and with it the gains of the targets that it moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

from ..fader import Fader
from ..limits import LOUDEST

if TYPE_CHECKING:
    from ..desk import Desk
    from ..mix import Mix
    from ..target import Target

#: What there may be a number for: each adapter, each kind, each layer, each target. Few numbers come first.
Level = Literal["masters", "kinds", "layers", "targets"]
LEVELS: tuple[Level, ...] = get_args(Level)
#: What people call them besides.
_ALSO: Mapping[str, Level] = {
    "master": "masters",
    "adapters": "masters",
    "kind": "kinds",
    "layer": "layers",
    "target": "targets",
    "modules": "targets",
}


class Dials:
    """A number for each of these faders: 1 leaves it where it stands in a mix.

    Args:
        faders: which.
        targets: all that a fader may move, in the order in which gains are told.
        mix: where everything stands at first.
        bounds: between which each fader stays.

    Raises:
        ValueError: there is no fader, or one stands outside the bounds.
    """

    def __init__(
        self, faders: Sequence[Fader], targets: Sequence[Target], mix: Mix, bounds: tuple[float, float]
    ) -> None:
        self.faders, self.targets, self.mix = tuple(faders), tuple(targets), mix
        self.start = [mix.gain(target) for target in targets]
        #: Of each fader, the places of its targets.
        self.moves = [[at for at, target in enumerate(targets) if _moves(fader, target)] for fader in faders]
        self.bounds = [_range(fader, fader.read(mix), bounds) for fader in faders]
        #: Of faders that are a target's own, the place of that target.
        self.single = {at: self.moves[at][0] for at, fader in enumerate(faders) if fader.of == "target"}

    def __len__(self) -> int:
        return len(self.faders)

    @property
    def of_each_target(self) -> bool:
        """Whether every target has a fader of its own."""
        return len(self.single) == len(self.targets)

    def gains(self, numbers: Sequence[float]) -> list[float]:
        """The gain of each target."""
        gains = list(self.start)
        for number, places in zip(numbers, self.moves, strict=True):
            for at in places:
                gains[at] *= number
        return gains

    def slopes(self, numbers: Sequence[float], of_gains: Sequence[float]) -> list[float]:
        """How a loss changes with each number, given how it changes with each target's gain (the chain rule)."""
        turned: list[list[int]] = [[] for _ in self.targets]
        for at, places in enumerate(self.moves):
            for place in places:
                turned[place].append(at)
        found = [0.0] * len(self.faders)
        for place, dials in enumerate(turned):
            for dial in dials:
                others = 1.0  # a number may be 0: it is left out of the product instead of divided by
                for other in dials:
                    others *= numbers[other] if other != dial else 1.0
                found[dial] += of_gains[place] * self.start[place] * others
        return found

    def put(self, numbers: Sequence[float]) -> Mix:
        """The mix in which the faders stand where these numbers put them."""
        mix = self.mix
        for fader, number in zip(self.faders, numbers, strict=True):
            if number != 1:
                mix = fader.put(mix, fader.read(self.mix) * number)
        return mix


def levels_of(desk: Desk, adapters: Sequence[str], over: str | Fader | Iterable[str | Fader]) -> list[list[Fader]]:
    """The faders of each level, few numbers first; each level has those of the ones before as well.

    Args:
        desk: whose adapters they are.
        adapters: those that are learned over.
        over: levels (`LEVELS`), or faders, which make one level that comes last.

    Raises:
        ValueError: a level or a fader that there is not, or none at all.
    """
    asked = [over] if isinstance(over, str | Fader) else list(over)
    named: set[str] = set()
    ticked: list[Fader] = []
    for one in asked:
        if isinstance(one, Fader):
            _check(desk, adapters, one)
            ticked.append(one)
        elif (level := _ALSO.get(one, one)) in LEVELS:
            named.add(level)
        else:
            raise ValueError(f"there is nothing to learn over called {one!r}: choose from {', '.join(LEVELS)}")
    found: list[list[Fader]] = []
    for new in [*(_faders(desk, adapters, level) for level in LEVELS if level in named), ticked]:
        fresh = [fader for fader in dict.fromkeys(new) if not found or fader not in found[-1]]
        if fresh:
            found.append([*(found[-1] if found else []), *fresh])
    if not found:
        raise ValueError("there is nothing to learn over: name masters, kinds, layers or targets, or give faders")
    return found


def _faders(desk: Desk, adapters: Sequence[str], level: Level) -> list[Fader]:
    found: list[Fader] = []
    for name in adapters:
        adapter = desk.adapters[name]
        if level == "masters":
            found.append(Fader(name))
        elif level == "kinds":
            found += [Fader(name, "kind", kind) for kind in adapter.kinds]
        elif level == "layers":
            found += [Fader(name, "layer", layer) for layer in adapter.layers]
        else:
            found += [Fader(name, "target", target.name) for target in adapter.scalable]
    return found


def _check(desk: Desk, adapters: Sequence[str], fader: Fader) -> None:
    desk.check_adapters([fader.adapter])
    if fader.adapter not in adapters:
        raise ValueError(f"{fader.label} is not among what is learned over: {', '.join(adapters)}")
    if fader.of in ("rank", "energy"):
        raise ValueError(f"{fader.label} is no gain: how many components are heard cannot be learned")
    if not any(_moves(fader, target) for target in desk.adapters[fader.adapter].scalable):
        raise ValueError(f"there is no fader {fader.label}: it moves no target of the adapter")


def _moves(fader: Fader, target: Target) -> bool:
    if fader.adapter != target.adapter:
        return False
    is_so = {"master": True, "kind": target.kind == fader.name, "layer": target.layer == fader.name}
    return is_so.get(fader.of, target.name == fader.name)


def _range(fader: Fader, stands: float, bounds: tuple[float, float]) -> tuple[float, float]:
    low, high = bounds
    if not -LOUDEST <= low < high <= LOUDEST:
        raise ValueError(f"a fader cannot stay between {low:g} and {high:g}: the second must be the greater")
    if not low <= stands <= high:
        raise ValueError(f"{fader.label} stands at {stands:g}, outside of {low:g} to {high:g}: allow more, or move it")
    if stands == 0:
        return 1.0, 1.0  # what is silent stays so: a product has no way out of 0
    one, other = low / stands, high / stands
    return min(one, other), max(one, other)
