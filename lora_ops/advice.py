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
    known = _loudness(scaling, rank, adapter.rank_stabilised)
    if 0 < rank < _CARRIES_FACTS_FROM:
        known += "; below rank 32 it mostly carries style and format"
    return f"{known}. Alpha can be lowered after training at little cost."


def shared_faders(adapter: Adapter) -> str:
    """That several modules have one fader between them, in a sentence for people; empty where each has its own, or
    where the adapter is one file that nobody has split.
    """
    targets = adapter.scalable
    modules = sum(target.modules for target in targets)
    if len(targets) < 2 or modules == len(targets):
        return ""
    return (
        f"Its {modules} modules have {len(targets)} faders, one for a kind in a band of layers: a file for each module "
        "did not fit on llama-server’s command line. With fewer adapters loaded, or in a folder with a shorter path, "
        "there are more."
    )


def _loudness(scaling: float, rank: int, rank_stabilised: bool) -> str:
    """Judged by alpha / r, whichever rule made the scaling: rank-stabilised LoRA is trained at its higher scaling."""
    alphas = scaling / max(rank, 1) ** 0.5 if rank_stabilised else scaling
    shown = f"scaling {scaling:.3g} (alpha / √r)" if rank_stabilised else f"scaling {scaling:.3g}"
    if scaling == 0:
        return "Scaling 0: silent as loaded"
    if alphas < 0.95:
        return f"Alpha is {alphas:.2g} r, {shown}: quiet, it was meant to act gently"
    if alphas <= 1.05:
        return f"Alpha equals r, {shown}: neither louder nor quieter than it was trained"
    if alphas < 1.95:
        return f"Alpha is {alphas:.2g} r, {shown}: a little loud"
    return f"Alpha is {alphas:.2g} r, {shown}: loud, and that needs much training data; try a lower master"
