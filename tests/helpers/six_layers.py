"""A desk that is large enough to draw on: six layers, two adapters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from helpers import tiny
from helpers.browser import Board, Mixer, host_of, standalone, wait_until

LAYERS = 6


@contextmanager
def six_layers() -> Iterator[Mixer]:
    """Six layers; "pirate" on all 42 linear targets, "poet" (rank-stabilised, another rank) on 12 of them."""
    poet = tiny.lora(r=2, lora_alpha=4, target_modules=["q_proj", "v_proj"], use_rslora=True)
    model = tiny.add(tiny.pirate(tiny.llama(num_hidden_layers=LAYERS)), poet, "poet")
    with standalone(host_of(model, tiny.tokenizer())) as mixer:
        yield mixer


def heard(board: Board, mixer: Mixer, expected: dict[str, float], adapter: str = "pirate") -> None:
    """Waits until the model plays `expected`, and every other target as loaded."""

    def now() -> dict[str, float]:
        return {name: gain for name, gain in mixer.gains(adapter).items() if gain != 1}

    expected = {name: gain for name, gain in expected.items() if gain != 1}
    wait_until(board.page, lambda: now() == expected, lambda: f"expected {expected}, heard {now()}")


def layer(mixer: Mixer, at: int, gain: float) -> dict[str, float]:
    """All targets of one layer at this gain."""
    return {name: gain for name in mixer.gains() if name.startswith(f"layers.{at}.")}
