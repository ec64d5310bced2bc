"""One plain line about an adapter's rank and alpha, from what is known about them."""

from __future__ import annotations

from .target import Adapter

#: Below this rank an adapter mostly carries style and format.
_CARRIES_FACTS_FROM = 32


def advise(adapter: Adapter) -> str:
    """What rank and alpha say about how loud an adapter is, and what it can carry.

    Sources: LoRA (arXiv:2106.09685) for alpha / r, rsLoRA (arXiv:2312.03732) for alpha / sqrt(r), and the practice,
    common among people who train at home, of alpha = r for a neutral and alpha = 2r for a strong effect.
    """
    targets = adapter.scalable
    if not targets:
        return "Nothing in this adapter has a fader: see below why."
    scaling = sorted(target.scaling for target in targets)[len(targets) // 2]
    rank = sorted(target.rank for target in targets)[len(targets) // 2]
    carries = "below rank 32 it mostly carries style and format" if 0 < rank < _CARRIES_FACTS_FROM else ""
    sentences = [_loudness(scaling, adapter.rank_stabilised), carries]
    return (
        "; ".join(sentence for sentence in sentences if sentence)
        + ". Alpha can be lowered after training at little cost."
    )


def _loudness(scaling: float, rank_stabilised: bool) -> str:
    rule = "alpha / √r" if rank_stabilised else "alpha / r"
    if scaling == 0:
        return "Scaling 0: silent as loaded"
    if scaling < 0.95:
        return f"Scaling {scaling:.3g} ({rule}): quiet, it was meant to act gently"
    if scaling <= 1.05:
        return (
            "Alpha equals r: scaling 1, neither louder nor quieter than its weights"
            if not rank_stabilised
            else "Scaling 1"
        )
    if scaling < 1.95:
        return f"Scaling {scaling:.3g} ({rule}): a little loud"
    return f"Scaling {scaling:.3g} ({rule}): loud, and that needs much training data; try a lower master"
