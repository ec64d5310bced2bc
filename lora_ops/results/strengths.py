"""How strong each of several competitors is, from who won how often against whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..optional_packages import needed

#: Strengths have a normal prior with variance 1 / PRIOR: weak, but a mix that never lost stays finite.
PRIOR = 0.1


def strengths(count: int, wins: Mapping[tuple[int, int], float]) -> list[float]:
    """Bradley-Terry strengths: the likeliest ones, given the wins and the prior.

    The likelihood is that of `choix.opt_pairwise(count, won, alpha=PRIOR / 2)`, where `won` holds every win by itself.
    Here all wins of one over another are one term: it takes as long for a million votes as for one a pair.

    Args:
        count: of competitors; they are numbers from 0.
        wins: of the first over the second of two competitors; a tie may be half a win for each.

    Returns:
        A strength each. Their sum is 0 within competitors that are connected by wins.

    Raises:
        MissingPackage: SciPy is not installed.
    """
    optimize = needed("scipy.optimize", "ranking by votes")
    special = needed("scipy.special", "ranking by votes")
    import numpy as np

    if not wins:
        return [0.0] * count
    one, other = np.array(list(wins), dtype=np.intp).T
    times = np.array(list(wins.values()), dtype=float)

    def spread(of_pairs: Any) -> Any:
        """What each pair adds to its first competitor, and takes from its second."""
        return np.bincount(one, of_pairs, count) - np.bincount(other, of_pairs, count)

    def unlikely(found: Any) -> float:
        return float(PRIOR / 2 * (found @ found) + times @ np.logaddexp(0, found[other] - found[one]))

    def slope(found: Any) -> Any:
        return PRIOR * found - spread(times * special.expit(found[other] - found[one]))

    def bend(found: Any, step: Any) -> Any:
        likely = special.expit(found[one] - found[other])
        return PRIOR * step + spread(times * likely * (1 - likely) * (step[one] - step[other]))

    options = {"xtol": 1e-10}
    fit = optimize.minimize(unlikely, np.zeros(count), method="Newton-CG", jac=slope, hessp=bend, options=options)
    return [float(strength) for strength in fit.x]
