"""A recipe for the next training of an adapter, from what was measured of this one and how its faders stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..energy import check_share
from ..mix import Mix
from ..mix_check import check_names
from ..target import Adapter
from . import places, ranks
from .alphas import alphas_of
from .evidence import Evidence, Plain, gather
from .next_training import Advice, NextTraining, Sure

if TYPE_CHECKING:
    from ..lab.curves import Curve
    from ..measure.spectrum import Spectrum


def recipe(
    spectrum: Spectrum,
    adapter: Adapter,
    mix: Mix | None = None,
    *,
    impact: Plain | Mapping[str, Any] | None = None,
    loudness: Plain | Mapping[str, Any] | None = None,
    curves: Iterable[Curve] = (),
    energy: float = 0.95,
) -> NextTraining:
    """What to try next time, each line with the number that it comes from and how sure it is.

    Energy is not importance, so it chooses ranks alone; kinds and layers go by impact, and by faders that stand at 0.
    Where nothing was measured it says so, and keeps to what was trained and to the rules of thumb.

    >>> made = recipe(spectrum(desk), desk.adapters["pirate"], desk.mix, impact=impact(desk, input_ids))
    >>> print(write_recipe(made, "peft"))

    Args:
        spectrum: `spectrum(desk)`, or `spectrum_weights` of its folder alone.
        adapter: which; `desk.adapters["pirate"]`, or `read_weights(folder).adapter`.
        mix: where the faders stand that sounded right; as loaded if not given.
        impact: what its parts do to a text (`impact`), itself or its `to_dict`.
        loudness: how loud its parts are (`loudness(desk).at(mix)`), itself or its `to_dict`.
        curves: over the master or the rank, of a text of one's own (`likelihood_curve`).
        energy: the share of what is added that a rank is to hold, above 0 and up to 1.

    Raises:
        ValueError: the spectrum is of other adapters, nothing of this one can be scaled, `energy` is no share, or what
            was measured is none.
    """
    share = check_share(energy)
    check_names([adapter.name], spectrum.adapters)
    known = gather(spectrum, adapter, mix or Mix(), impact, loudness, curves, share)
    where = places.places_of(known)
    rank, rank_line = ranks.rank_of(known)
    pattern, pattern_lines = ranks.rank_pattern(known, rank, where.kinds)
    alpha, alphas, alpha_lines = alphas_of(known, rank, pattern, where.targets)
    lines = (
        *_silence(known),
        rank_line,
        *alpha_lines[:1],
        _stabilised(adapter),
        *where.lines,
        *pattern_lines,
        *alpha_lines[1:],
        *_method(adapter),
        *_unscalable(adapter),
        *places.rules(known, where.kinds),
        *ranks.rules(known, rank),
    )
    return NextTraining(
        adapter=adapter.name,
        r=rank,
        alpha=alpha,
        rank_stabilised=adapter.rank_stabilised,
        dora=adapter.method == "dora",
        target_modules=where.kinds,
        target_parameters=where.parameters,
        layers=where.layers,
        exclude_modules=where.exclude,
        rank_pattern=pattern,
        alpha_pattern={kind: one for kind, one in alphas.items() if kind in where.kinds},
        lines=lines,
    )


def _silence(known: Evidence) -> list[Advice]:
    if known.off:
        why = "it is off, or silent, on the desk, which says nothing of its parts: taken as it was loaded"
        return [Advice("gain", "taken as loaded", why, Sure.unknown, 0.0)]
    return []


def _stabilised(adapter: Adapter) -> Advice:
    rule = "alpha / √r" if adapter.rank_stabilised else "alpha / r"
    why = f"as it was trained, with scaling {rule}: another would change how loud it is and how fast it learns"
    return Advice("use_rslora", f"use_rslora = {adapter.rank_stabilised}", why, Sure.rule, source="arXiv:2312.03732")


def _method(adapter: Adapter) -> list[Advice]:
    if adapter.method in ("lora", "dora"):
        return []
    why = f"it was trained as {adapter.method}; this is the LoRA that would hold as much of what it adds"
    return [Advice("method", "LoRA instead", why, Sure.unknown)]


def _unscalable(adapter: Adapter) -> list[Advice]:
    left = [target for target in adapter.targets if not target.scalable]
    if not left:
        return []
    first = f"{left[0].name} ({left[0].reason})"
    why = f"not judged, and not in this recipe: {first}" + (f" and {len(left) - 1} more" if len(left) > 1 else "")
    return [Advice("target_modules", "look after these yourself", why, Sure.unknown, float(len(left)))]
