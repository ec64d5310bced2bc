"""Which rank: from what is heard, from a curve over the rank, from the spectrum, or else as it was trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .evidence import Evidence, shared_rank
from .next_training import Advice, Sure

if TYPE_CHECKING:
    from ..measure.spectrum import TargetSpectrum

#: Below this rank an adapter mostly carries style and format; TextGen's Training tab draws lines at 8 and at 128.
CARRIES_FACTS_FROM = 32
#: From here on alpha / r lets little be learned, says the paper of rank-stabilised LoRA.
HIGH = 64
#: Perplexity may be this much higher than at the best rank that was tried, and counts as the same.
AS_GOOD = 1.02
#: A kind gets a rank of its own if it needs this much more, or less, than all of them.
_ANOTHER = 1.25
_TEXTGEN = "TextGen's Training tab: 4 to 8 for style and format, 128 to 256 to teach facts"
_RSLORA = "rank-stabilised LoRA, arXiv:2312.03732"


def rank_of(evidence: Evidence) -> tuple[int, Advice]:
    """One rank for all, and where it comes from."""
    for found in (_heard(evidence), _by_curve(evidence), _by_spectrum(evidence)):
        if found is not None:
            return found
    rank = max(1, evidence.trained_rank)
    why = next((one.reason for one in evidence.loaded if one.reason), "it adds nothing: B is zero, or it is silent")
    return rank, Advice(
        "r", f"r = {rank}", f"as it was trained: what it needs is not known ({why})", Sure.unknown, float(rank)
    )


def rank_pattern(evidence: Evidence, rank: int, kinds: Iterable[str]) -> tuple[dict[str, int], list[Advice]]:
    """The kinds that need another rank, where ranks come from the spectrum."""
    if evidence.faders.rank is not None or _by_curve(evidence) is not None or _by_spectrum(evidence) is None:
        return {}, []
    found = {}
    for kind in kinds:
        need = shared_rank((one for one in evidence.heard if one.target.kind == kind), evidence.share_wanted)
        if need and not rank / _ANOTHER <= need <= rank * _ANOTHER and abs(need - rank) > 1:
            found[kind] = need
    if not found:
        why = "every kind needs nearly the same"
        return {}, [Advice("rank_pattern", "one rank for all kinds", why, Sure.measured, float(rank))]
    told = ", ".join(f"{kind} {need}" for kind, need in found.items())
    why = f"for {_percent(evidence.share_wanted)} of what a kind adds they need more, or less, than {rank}"
    return found, [Advice("rank_pattern", f"ranks: {told}", why, Sure.measured, float(max(found.values())))]


def rules(evidence: Evidence, rank: int) -> Iterator[Advice]:
    """What the old advice says of a rank, measured or not."""
    if rank < CARRIES_FACTS_FROM:
        why = f"below rank {CARRIES_FACTS_FROM} an adapter mostly carries style and format; facts want a higher one"
        yield Advice("r", f"r = {rank} if you are after style", why, Sure.rule, float(CARRIES_FACTS_FROM), _TEXTGEN)
    if rank >= HIGH and not evidence.adapter.rank_stabilised:
        why = "with alpha / r a high rank learns little more than a low one; try use_rslora, with a lower alpha"
        yield Advice("use_rslora", "try it at this rank", why, Sure.rule, float(HIGH), _RSLORA)
    yield Advice(
        "data",
        "much and varied data before a high rank",
        "a high rank with little, or uniform, data learns it by heart. How much there was cannot be seen from here",
        Sure.rule,
        source="practice of people who train at home",
    )


def _heard(evidence: Evidence) -> tuple[int, Advice] | None:
    rank = evidence.faders.rank
    if rank is None or rank >= evidence.trained_rank:
        return None
    why = f"you hear the strongest {rank} components of every target, of {evidence.trained_rank}"
    return rank, Advice("r", f"r = {rank}", why, Sure.heard, float(rank))


def _by_curve(evidence: Evidence) -> tuple[int, Advice] | None:
    """The smallest rank of a curve at which the text is about as likely as at the best."""
    curve = evidence.curves.get("rank")
    if curve is None:
        return None
    best = min(point.perplexity for point in curve.points)
    point = next(one for one in curve.points if one.perplexity <= best * AS_GOOD)
    rank = int(point.gain)
    why = f"with {rank} components heard the perplexity of your text is {point.perplexity:.2f}; the best was {best:.2f}"
    return rank, Advice("r", f"r = {rank}", why, Sure.measured, point.perplexity)


def _by_spectrum(evidence: Evidence) -> tuple[int, Advice] | None:
    share = evidence.share_wanted
    rank = shared_rank(evidence.heard, share)
    if not rank:
        return None
    needs = [one.rank(share) for one in evidence.heard if one.experts and one.energy]
    each = f"{sum(needs) / len(needs):.1f} a target"
    each += f", {min(needs)} to {max(needs)}" if min(needs) != max(needs) else ""
    why = f"{_percent(share)} of all that it adds lies in the strongest {rank} components ({each}); it had "
    why += f"rank {evidence.trained_rank}" + _unknown(evidence.heard)
    if rank * _ANOTHER >= evidence.trained_rank and evidence.adapter.method == "lora":
        why += ". It filled its rank: what a higher one would have added cannot be seen from here"
    else:
        why += ". Energy is not importance: hear it at that rank before you trust it, or train as before and resize"
    sure = Sure.heard if evidence.faders.energy is not None else Sure.measured
    return rank, Advice("r", f"r = {rank}", why, sure, sum(needs) / len(needs))


def _unknown(spectra: tuple[TargetSpectrum, ...]) -> str:
    count = sum(bool(one.reason) for one in spectra)
    return f"; not known of {count} of {len(spectra)} targets" if count else ""


def _percent(share: float) -> str:
    return f"{share * 100:.4g} %"
