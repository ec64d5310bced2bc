"""What votes add up to, as a page draws it: places, win rates with their intervals, and how sure that is in words."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...lora_ops.mix import Mix
    from ...lora_ops.results.record import Duel
    from ...lora_ops.results.tally import Rate, Standing, Tally

#: Below these a split is called unlikely, or hardly, to be chance.
_UNLIKELY, _HARDLY = 0.05, 0.01


def standing(tally: Tally) -> dict[str, Any]:
    """A tally as plain data.

    Returns:
        rows: a mix each, best first: place, group, label, mix, wins, losses, ties, bad, share, low, high, p, sure,
            strength.
        pairs: those that met: the places of the two among the rows, wins, losses, ties, bad, sure.
        line: the outcome in a sentence; note: what to know about it.
    """
    return {
        "rows": [_row(one) for one in tally.standings],
        "pairs": [
            {
                "one": pair.one, "other": pair.other, "wins": pair.rate.wins, "losses": pair.rate.losses,
                "ties": pair.ties, "bad": pair.bad, "sure": sure(pair.rate),
            }
            for pair in tally.pairs
        ],
        "votes": tally.votes,
        "line": line(tally),
        "note": _note(tally),
    }  # fmt: skip


def line(tally: Tally) -> str:
    """The outcome in a sentence."""
    if not tally.votes:
        return "No vote was cast between two different mixes."
    first = tally.standings[0]
    if first.rate.share is None:
        return "No vote chose a side, so nothing is ahead."
    chosen = first.rate.wins + first.rate.losses
    level = [one for one in tally.standings if one.group == first.group and one.place == 1]
    if len(level) > 1:
        return f"{' and '.join(_quoted(one) for one in level)} are level."
    text = (
        f"{_quoted(first)} was preferred in {first.rate.wins} of {chosen} votes that chose a side "
        f"({first.rate.share:.0%}; 95% interval {first.rate.low:.0%} to {first.rate.high:.0%})"
    )
    return f"{text}: {sure(first.rate)}."


def sure(rate: Rate) -> str:
    """The sign test in words."""
    if rate.share is None:
        return "no vote chose a side"
    if rate.p_value >= _UNLIKELY:
        return f"this could well be chance (sign test, p = {rate.p_value:.2f})"
    how = "hardly" if rate.p_value < _HARDLY else "unlikely to be"
    p = "p < 0.001" if rate.p_value < 0.001 else f"p = {rate.p_value:.3f}"
    return f"this is {how} chance (sign test, {p})"


def competitors(duels: Sequence[Duel]) -> list[dict[str, Any]]:
    """The mixes that votes are about, each with the name it had last and its number of votes; most votes first."""
    names, found = _Names(), dict[str, dict[str, Any]]()
    for duel in duels:
        for mix, label in ((duel.left, duel.left_label), (duel.right, duel.right_label)):
            entry = found.setdefault(names.of(mix), {"votes": 0, "label": ""})
            entry["votes"] += 1
            entry["label"] = label or entry["label"]
    ranked = sorted(found.items(), key=lambda one: -one[1]["votes"])
    return [{"id": name, **entry} for name, entry in ranked]


def among(duels: Sequence[Duel], chosen: Sequence[str]) -> list[Duel]:
    """The votes in which both mixes are chosen ones, by their `id` of `competitors`."""
    names, wanted = _Names(), set(chosen)
    return [duel for duel in duels if {names.of(duel.left), names.of(duel.right)} <= wanted]


class _Names:
    """Short names of mixes that are asked for again and again: thousands of votes share a mix."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Mix, str]] = {}  # what holds the mix, so that its id is no other's

    def of(self, mix: Mix) -> str:
        """The name that this mix shares with all in which the faders stand alike."""
        from ...lora_ops.results.tally import identity

        if id(mix) not in self._known:
            self._known[id(mix)] = mix, hashlib.sha256(identity(mix).encode("utf-8")).hexdigest()[:16]
        return self._known[id(mix)][1]


def _row(one: Standing) -> dict[str, Any]:
    rate = one.rate
    return {
        "place": one.place, "group": one.group, "label": one.label, "mix": one.mix.to_dict(), "wins": rate.wins,
        "losses": rate.losses, "ties": one.ties, "bad": one.bad, "share": rate.share, "low": rate.low,
        "high": rate.high, "p": rate.p_value, "sure": sure(rate), "strength": one.strength,
    }  # fmt: skip


def _note(tally: Tally) -> str:
    notes = [tally.note]
    if tally.same:
        votes = "1 vote was" if tally.same == 1 else f"{tally.same} votes were"
        notes.append(f"{votes} between a mix and itself, and count{'s' * (tally.same == 1)} for nothing")
    text = "; ".join(note for note in notes if note)
    return text and f"Mind that {text}."


def _quoted(one: Standing) -> str:
    return f"“{one.label or 'one mix'}”"
