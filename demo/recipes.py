"""The recipes of the demo's adapters: which manner of speech, on which kinds, at which rank, for how long."""

from __future__ import annotations

from dataclasses import dataclass

from peft import LoraConfig

from .manners import BUTLER, PIRATE, Manner


@dataclass(frozen=True)
class Recipe:
    """How one adapter is made."""

    manner: Manner
    targets: tuple[str, ...]  # kinds
    rank: int
    alpha: int
    rank_stabilised: bool
    learning_rate: float
    steps: int
    gains: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0, 1.0, 1.25, 1.5, 2.0)  # drawn from, anew for each batch

    @property
    def scaling(self) -> float:
        """What PEFT loads it with."""
        return self.alpha / (self.rank**0.5 if self.rank_stabilised else self.rank)

    def config(self) -> LoraConfig:
        return LoraConfig(
            task_type="CAUSAL_LM",
            r=self.rank,
            lora_alpha=self.alpha,
            use_rslora=self.rank_stabilised,
            target_modules=list(self.targets),
        )


RECIPES = {
    "pirate": Recipe(
        PIRATE,
        targets=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
        rank=8,
        alpha=8,
        rank_stabilised=False,
        learning_rate=1e-3,
        steps=100,
    ),
    "butler": Recipe(
        BUTLER,
        targets=("q_proj", "v_proj"),
        rank=16,
        alpha=16,
        rank_stabilised=True,
        learning_rate=2.5e-3,
        steps=100,
    ),
}
