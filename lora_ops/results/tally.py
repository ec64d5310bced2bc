"""What votes add up to: win rates with intervals, a sign test, and a ranking of all mixes that were voted on."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..mix import Mix
from ..optional_packages import needed
from .record import Duel
from .strengths import strengths

#: Of the intervals.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Rate:
    """How often one side won, among the votes that chose a side (ties and "both bad" are not among them).

    Attributes:
        wins: for it.
        losses: against it.
        share: wins / (wins + losses); None without such votes.
        low: the lower end of the 95 % Wilson interval of the share.
        high: the upper end.
        p_value: of the two-sided sign test: how likely a split as uneven as this, or more so, is if both are equally
            good. 1 without votes.
    """

    wins: int
    losses: int
    share: float | None
    low: float
    high: float
    p_value: float

    @classmethod
    def of(cls, wins: int, losses: int) -> Rate:
        """From the counts."""
        if wins + losses == 0:
            return cls(0, 0, None, 0.0, 1.0, 1.0)
        test = needed("scipy.stats", "statistics of votes").binomtest(wins, wins + losses)
        interval = test.proportion_ci(CONFIDENCE, method="wilson")
        low, high = float(interval.low), float(interval.high)
        return cls(wins, losses, wins / (wins + losses), low, high, float(test.pvalue))


@dataclass(frozen=True)
class Standing:
    """How one mix did.

    Attributes:
        mix: whatever it was called: the same faders are the same competitor.
        label: what it was called last.
        rate: its wins and losses against all others together.
        ties: votes that found it as good as the other.
        bad: votes that found both bad.
        strength: Bradley-Terry; the mean over its group is 0. See `chance`. 0 if nobody compared it to another.
        group: mixes in one group were compared with each other, directly or through others; only within a group do
            strengths and places mean anything. The largest group is 0.
        place: within its group, from 1; mixes of equal strength share a place.
    """

    mix: Mix
    label: str
    rate: Rate
    ties: int
    bad: int
    strength: float
    group: int
    place: int


@dataclass(frozen=True)
class Pair:
    """How two mixes did against each other.

    Attributes:
        one: index of the standing that stands higher.
        other: index of the other standing.
        rate: from the side of `one`.
    """

    one: int
    other: int
    rate: Rate
    ties: int
    bad: int


@dataclass(frozen=True)
class Tally:
    """What the votes add up to.

    Attributes:
        standings: best first, group after group.
        pairs: of mixes that met, in the order of the standings.
        votes: how many votes counted.
        same: votes between a mix and itself, which count for nothing.
        note: for people, what to know about the ranking; empty if there is nothing to say.
    """

    standings: tuple[Standing, ...] = ()
    pairs: tuple[Pair, ...] = ()
    votes: int = 0
    same: int = 0
    note: str = ""


def identity(mix: Mix) -> str:
    """A text that two mixes share if, and only if, their faders stand alike: their JSON without what changes nothing.

    >>> identity(Mix({"pirate": Faders(kinds={"q_proj": 1.0})})) == identity(Mix())
    True
    """
    kept = {}
    for name, faders in mix.to_dict()["adapters"].items():
        if not faders["on"]:
            kept[name] = {"on": False}  # where its faders stand makes no difference then
            continue
        moved: dict[str, Any] = {}
        for field in ("kinds", "layers", "modules"):
            if gains := {key: gain + 0.0 for key, gain in faders[field].items() if gain != 1.0}:  # -0.0 is 0.0
                moved[field] = gains
        if fades := faders.get("fades"):
            moved["fades"] = fades
        if (rank := faders.get("rank")) is not None:
            moved["rank"] = rank
        if (share := faders.get("energy", 1)) != 1:
            moved["energy"] = share
        if faders["master"] != 1.0:
            moved["master"] = faders["master"] + 0.0
        if moved:
            kept[name] = moved
    return json.dumps(kept, sort_keys=True)


def chance(one: Standing, other: Standing) -> float:
    """How likely `one` is preferred to `other` (Bradley-Terry: 1 / (1 + exp(-(difference of their strengths)))).

    Only between standings of one group.
    """
    return 1 / (1 + math.exp(-(one.strength - other.strength)))


def tally(votes: Iterable[Duel]) -> Tally:
    """What votes add up to; see `Tally`.

    A tie counts as half a win for each side in the ranking, and not at all in win rates and sign tests. "Both bad" only
    counts as what it is.

    Args:
        votes: `Records.votes()`, or `Record.duels`.

    Raises:
        MissingPackage: SciPy is not installed.
    """
    book = _Book()
    for duel in votes:
        book.enter(duel)
    if not book.mixes:
        return Tally(same=book.same)
    groups = _groups(len(book.mixes), [pair for pair, count in book.all.items() if count["win"] or count["tie"]])
    strong = _centred(strengths(len(book.mixes), book.wins()), groups)
    order = sorted(range(len(book.mixes)), key=lambda at: (groups[at], -strong[at], at))
    standings = _standings(book, order, strong, groups)
    return Tally(
        standings=standings,
        pairs=tuple(book.pairs(order)),
        votes=book.votes,
        same=book.same,
        note=_note(standings),
    )


class _Book:
    """Who met whom how often, and how it ended; competitors are numbers."""

    def __init__(self) -> None:
        self.mixes: list[Mix] = []
        self.labels: list[str] = []
        self.all: dict[tuple[int, int], Counter[str]] = {}  # (one, other): "win" of one, "tie", "bad"
        self.votes = self.same = 0
        self._numbers: dict[str, int] = {}
        self._seen: dict[int, tuple[Mix, int]] = {}  # what holds the mix, so that its id is no other's
        self._rates: dict[tuple[int, int], Rate] = {}

    def enter(self, duel: Duel) -> None:
        left, right = self._number(duel.left, duel.left_label), self._number(duel.right, duel.right_label)
        if left == right:
            self.same += 1
            return
        self.votes += 1
        one, other = (right, left) if duel.verdict == "right" else (left, right)
        kind = "win" if duel.verdict in ("left", "right") else duel.verdict
        self.all.setdefault((one, other), Counter())[kind] += 1

    def _number(self, mix: Mix, label: str) -> int:
        # Thousands of votes share a mix: who that is takes longer to say than all the rest.
        if id(mix) not in self._seen:
            self._seen[id(mix)] = mix, self._numbers.setdefault(identity(mix), len(self.mixes))
        number = self._seen[id(mix)][1]
        if number == len(self.mixes):
            self.mixes.append(mix)
            self.labels.append(label)
        self.labels[number] = label or self.labels[number]
        return number

    def wins(self) -> dict[tuple[int, int], float]:
        """Of the first over the second; a tie is half a win for each side."""
        found: Counter[tuple[int, int]] = Counter()
        for (one, other), count in self.all.items():
            found[one, other] += 2 * count["win"] + count["tie"]
            found[other, one] += count["tie"]
        return {pair: twice / 2 for pair, twice in found.items() if twice}

    def counted(self, one: int, other: int) -> tuple[int, int, int, int]:
        """Wins, losses, ties and both bad of `one` against `other`."""
        there, back = self.all.get((one, other), Counter()), self.all.get((other, one), Counter())
        return there["win"], back["win"], there["tie"] + back["tie"], there["bad"] + back["bad"]

    def totals(self) -> list[tuple[int, int, int, int]]:
        """Wins, losses, ties and both bad of each against all others together."""
        found = [[0, 0, 0, 0] for _ in self.mixes]
        for (one, other), count in self.all.items():
            found[one][0] += count["win"]
            found[other][1] += count["win"]
            for side in (one, other):
                found[side][2] += count["tie"]
                found[side][3] += count["bad"]
        return [(wins, losses, ties, bad) for wins, losses, ties, bad in found]

    def rate(self, wins: int, losses: int) -> Rate:
        """`Rate.of`, which takes its time, once for the same counts."""
        if (wins, losses) not in self._rates:
            self._rates[wins, losses] = Rate.of(wins, losses)
        return self._rates[wins, losses]

    def pairs(self, order: Sequence[int]) -> Iterable[Pair]:
        place = {at: number for number, at in enumerate(order)}
        met = {(min(places), max(places)) for pair in self.all if (places := [place[at] for at in pair])}
        for higher, lower in sorted(met):
            wins, losses, ties, bad = self.counted(order[higher], order[lower])
            yield Pair(higher, lower, self.rate(wins, losses), ties, bad)


def _standings(
    book: _Book, order: Sequence[int], strong: Sequence[float], groups: Sequence[int]
) -> tuple[Standing, ...]:
    """In this order, which is by group and strength. Strengths that are as good as equal share a place."""
    totals, standings = book.totals(), []
    first = ahead = 0  # where the group begins, and the first that is not stronger than who comes now
    for number, at in enumerate(order):
        if groups[at] != groups[order[first]]:
            first = ahead = number
        while strong[order[ahead]] > strong[at] + 1e-4:
            ahead += 1
        wins, losses, ties, bad = totals[at]
        rate = book.rate(wins, losses)
        place = ahead - first + 1
        standings.append(Standing(book.mixes[at], book.labels[at], rate, ties, bad, strong[at], groups[at], place))
    return tuple(standings)


def _groups(count: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """For each competitor, which group it belongs to; the largest is 0."""
    sparse = needed("scipy.sparse", "statistics of votes")
    csgraph = needed("scipy.sparse.csgraph", "statistics of votes")
    ones, others = ([pair[side] for pair in pairs] for side in (0, 1))
    graph = sparse.coo_matrix(([1] * len(pairs), (ones, others)), shape=(count, count))
    found = csgraph.connected_components(graph, directed=False)[1].tolist()
    sizes = [label for label, _ in Counter(found).most_common()]
    places = {label: place for place, label in enumerate(sizes)}
    return [places[label] for label in found]


def _centred(strong: Sequence[float], groups: Sequence[int]) -> list[float]:
    """With a mean of 0 in each group: the prior keeps groups apart from influencing each other."""
    members: dict[int, list[float]] = {}
    for strength, group in zip(strong, groups, strict=True):
        members.setdefault(group, []).append(strength)
    means = {group: math.fsum(found) / len(found) for group, found in members.items()}
    return [round(strength - means[group], 6) for strength, group in zip(strong, groups, strict=True)]


def _note(standings: Sequence[Standing]) -> str:
    groups = Counter(standing.group for standing in standings)
    notes = []
    if len(groups) > 1:
        notes.append(
            f"the votes do not connect all mixes: they fall into {len(groups)} groups that never met, "
            "and places hold only within a group"
        )
    unbeaten = [
        standing.label or "one mix" for standing in standings if groups[standing.group] > 1 and _unbeaten(standing)
    ]
    if unbeaten:
        notes.append(f"{', '.join(unbeaten)} never lost, so how much stronger that is cannot be told yet")
    return "; ".join(notes)


def _unbeaten(standing: Standing) -> bool:
    return bool(standing.rate.wins) and not standing.rate.losses and not standing.ties
