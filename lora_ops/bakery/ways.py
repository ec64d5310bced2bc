"""The ways to bake: how one adapter's gains are written, and how several adapters become one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Way = Literal["folded", "patterned"]
WAYS: tuple[Way, ...] = get_args(Way)

Combination = Literal[
    "cat",
    "linear",
    "svd",
    "ties",
    "ties_svd",
    "dare_linear",
    "dare_linear_svd",
    "dare_ties",
    "dare_ties_svd",
    "magnitude_prune",
    "magnitude_prune_svd",
]
COMBINATIONS: tuple[Combination, ...] = get_args(Combination)
#: What "cat" is called in what is told of a bake.
CONCATENATED = "concatenated"
#: The largest rank that can be asked for.
MOST_RANK = 4096
#: Those that drop a part of the numbers, and must be told how many to keep.
NEED_DENSITY = tuple(one for one in COMBINATIONS if one.split("_svd")[0] not in ("cat", "linear", "svd"))


@dataclass(frozen=True)
class Form:
    """How one adapter's gains are written.

    Attributes:
        way: "folded": the gains go into the weights, alpha = r: what every runtime reads; of an adapter that changes
            the base model when it is loaded, rank and alpha stay. "patterned": the weights stay as they are, and alpha
            and `alpha_pattern` hold the gains: what PEFT reads.
        uniform: folded: pad smaller ranks with zeros to the largest. Without it they stay in `rank_pattern`, and B is
            scaled for alpha / rank: PEFT and llama.cpp understand that too, and vLLM since 0.32.
        drop_silent: folded: leave targets at gain 0 out, instead of writing zeros.

    Raises:
        ValueError: there is no such way, or it cannot leave targets out.
    """

    way: Way = "folded"
    uniform: bool = True
    drop_silent: bool = False

    def __post_init__(self) -> None:
        if self.way not in WAYS:
            raise ValueError(f"there is no way {self.way!r} to bake: choose {' or '.join(WAYS)}")
        if self.drop_silent and self.way != "folded":
            raise ValueError(
                f"an adapter baked {self.way} keeps all its weights: silent targets are left out of folded ones"
            )

    @classmethod
    def of(cls, form: Form | Way) -> Form:
        """The form itself, or the usual one of a way."""
        return form if isinstance(form, Form) else cls(form)


FOLDED = Form()


class RecipeError(ValueError):
    """A recipe that cannot be. `at` names the field that is wrong."""

    def __init__(self, why: str, at: str) -> None:
        super().__init__(why)
        self.at = at


@dataclass(frozen=True)
class Recipe:
    """How several adapters are combined.

    Attributes:
        combination: one of `COMBINATIONS`. "cat" is exact; "svd" is the nearest of all at its rank; the others are
            PEFT's own (TIES: arXiv:2306.01708, DARE: arXiv:2311.03099).
        rank: of the result, for those that end in svd; the largest of the adapters' ranks if not given. It stays
            smaller where less is enough to hold all of it.
        density: which part of the numbers is kept, above 0 and up to 1, for those that drop some.
        majority_sign: TIES: "total" (by sums) or "frequency" (by counts).
        seed: DARE drops at random.
        uniform: pad smaller ranks with zeros, so that one rank holds for all targets, as vLLM before 0.32 needs it.

    Raises:
        RecipeError: there is no such combination, or it has no such rank or density.
    """

    combination: Combination = "cat"
    rank: int | None = None
    density: float | None = None
    majority_sign: Literal["total", "frequency"] = "total"
    seed: int = 0
    uniform: bool = True

    def __post_init__(self) -> None:
        if self.combination not in COMBINATIONS:
            choose = f"choose from {', '.join(COMBINATIONS)}"
            raise RecipeError(f"there is no combination {self.combination!r}: {choose}", "combination")
        if self.rank is not None and not self.by_svd:
            raise RecipeError(
                f"the rank of {self.combination} cannot be chosen: combinations that end in svd have one", "rank"
            )
        if self.rank is not None and not 0 < self.rank <= MOST_RANK:
            raise RecipeError(f"the rank must be from 1 to {MOST_RANK}, not {self.rank!r}", "rank")
        if self.combination in NEED_DENSITY and (self.density is None or not 0 < self.density <= 1):
            needs = f"{self.combination} needs a density, and drops the rest"
            raise RecipeError(f"the part to keep must be above 0 and up to 1: {needs}", "density")

    @property
    def by_svd(self) -> bool:
        """Whether its result has a rank that can be chosen."""
        return self.combination.endswith("svd")

    @property
    def way(self) -> str:
        """What it is called in what is told of a bake."""
        return CONCATENATED if self.combination == "cat" else self.combination
