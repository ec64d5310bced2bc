"""Which alpha: the scaling that was trained, times the gain that sounded right, at the new rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from ..target import Target
from .evidence import Evidence
from .next_training import Advice, Sure, scale, tidy

#: A kind gets an alpha of its own if the usual one would make it this much louder, or quieter.
_ANOTHER = 1.02
_LORA = "LoRA, arXiv:2106.09685; alpha = r for a neutral, alpha = 2 r for a strong effect is practice"
_LASTS = "Alpha is also how fast it learns: a longer training can outgrow it"


def alphas_of(
    evidence: Evidence, rank: int, ranks: Mapping[str, int], targets: Sequence[Target]
) -> tuple[float, dict[str, float], list[Advice]]:
    """`lora_alpha`, the alphas of kinds that need another, and why.

    Args:
        evidence: with the gains.
        rank: of all kinds but those in `ranks`.
        ranks: `rank_pattern`.
        targets: what is to be adapted.
    """
    stabilised = evidence.adapter.rank_stabilised
    gain, line = _gain(evidence)
    wanted = {target.name: _scaling(evidence, target) * gain for target in targets}
    usual = median(wanted.values()) or 1.0
    alpha = tidy(usual * scale(rank, stabilised))
    lines = [_told(evidence, alpha, rank, usual, line)]
    pattern, apart = {}, 0
    for kind in dict.fromkeys(target.kind for target in targets):
        scalings = [wanted[target.name] for target in targets if target.kind == kind]
        own = median(scalings)
        if own and not 1 / _ANOTHER <= own * scale(ranks.get(kind, rank), stabilised) / alpha <= _ANOTHER:
            pattern[kind] = tidy(own * scale(ranks.get(kind, rank), stabilised))
        apart += sum(not own / _ANOTHER <= one <= own * _ANOTHER for one in scalings)
    if pattern:
        told = ", ".join(f"{kind} {one:g}" for kind, one in pattern.items())
        loud = {target.kind for target in targets if evidence.faders.kinds.get(target.kind, 1) != 1} & set(pattern)
        why = f"{', '.join(sorted(loud))} stood at other gains" if loud else "their rank or scaling is another"
        sure = Sure.heard if loud else Sure.rule
        lines.append(
            Advice("alpha_pattern", f"alphas: {told}", why, sure, max(pattern.values()), "" if loud else _LORA)
        )
    if apart:
        why = (
            "layers or single targets at gains of their own: a recipe by kind does not hold them; bake it to keep them"
        )
        lines.append(Advice("alpha_pattern", f"{apart} targets differ", why, Sure.heard, float(apart)))
    return alpha, pattern, [*lines, *_backwards(evidence, targets)]


def _backwards(evidence: Evidence, targets: Sequence[Target]) -> list[Advice]:
    """Gains below 0: a training finds its own sign, whatever alpha is."""
    found = [target for target in targets if evidence.gains[target.name] < 0]
    if not found:
        return []
    kinds = ", ".join(dict.fromkeys(target.kind for target in found))
    told = "other examples" if len(found) == len(targets) else f"other examples, or leave out {kinds}"
    count = f"{len(found)} of {len(targets)} targets"
    why = f"you play {count} backwards, which no alpha trains: it is theirs without the sign"
    return [Advice("data", told, why, Sure.heard, float(len(found)))]


def _gain(evidence: Evidence) -> tuple[float, Advice | None]:
    """What a curve over the master says, where the master stands as loaded; else 1, the gains being heard already."""
    curve = evidence.curves.get("master")
    if curve is None or evidence.faders.master != 1 or not curve.turns or curve.best.gain <= 0:
        return 1.0, None
    best = curve.best
    why = f"your text is likeliest at gain {best.gain:g} (perplexity {best.perplexity:.2f}), and no more beyond"
    return best.gain, Advice("lora_alpha", "", why, Sure.measured, best.gain)


def _scaling(evidence: Evidence, target: Target) -> float:
    """As it is heard; of methods whose scaling means something else, 1 where nothing was moved."""
    loaded = abs(target.scaling) if evidence.adapter.method in ("lora", "dora") else 1.0
    return loaded * abs(evidence.gains[target.name])


def _told(evidence: Evidence, alpha: float, rank: int, scaling: float, measured: Advice | None) -> Advice:
    adapter, master = evidence.adapter, evidence.faders.master
    rule = "alpha / √r" if adapter.rank_stabilised else "alpha / r"
    told = f"alpha = {alpha:g}"
    at = f"scaling {scaling:.3g} ({rule}, r = {rank})"
    if measured is not None:
        return Advice("lora_alpha", told, f"{measured.why}: {at}. {_LASTS}", Sure.measured, measured.number)
    trained = median(abs(target.scaling) for target in adapter.scalable) or 1.0
    if adapter.method not in ("lora", "dora"):
        why = f"{at}: the scaling of {adapter.method} means something else, so it begins at 1"
        return Advice("lora_alpha", told, why, Sure.rule, 1.0, _LORA)
    if master != 1 or abs(scaling / trained - 1) > _ANOTHER - 1:
        gain = f"master {master:g}" if master != 1 else f"a gain of {scaling / trained:.3g} for most of it"
        why = f"you play it at {gain}, and it was trained at {trained:.3g}: {at}. {_LASTS}"
        return Advice("lora_alpha", told, why, Sure.heard, master if master != 1 else scaling / trained)
    why = (
        f"keeps {at}, as it was trained; alpha = r is scaling 1. Move the master until it sounds right, and look again"
    )
    return Advice("lora_alpha", told, why, Sure.rule, scaling, _LORA)
