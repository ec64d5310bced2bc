"""The desk in a browser: every control, moved as a user moves it, against the scaling of a live model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import tiny
from browser import Board, Mixer, host_of, standalone, wait_until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served() -> Iterator[Mixer]:
    """Six layers; "pirate" on all 42 linear targets, "poet" (rank-stabilised, another rank) on 12 of them."""
    model = tiny.add(tiny.pirate(tiny.llama(num_hidden_layers=6)), tiny.lora(
        r=2, lora_alpha=2, target_modules=["q_proj", "v_proj"], use_rslora=True), "poet")  # fmt: skip
    with standalone(host_of(model, tiny.tokenizer())) as mixer:
        yield mixer


@pytest.fixture
def mixer(served: Mixer) -> Mixer:
    served.afresh()
    return served


@pytest.fixture
def board(mixer: Mixer, visit: Any) -> Board:
    return Board(visit(mixer.url)).open()


def heard(board: Board, mixer: Mixer, expected: dict[str, float], adapter: str = "pirate") -> None:
    """Waits until the model plays `expected`, and every other target as loaded."""
    def now():
        return {name: gain for name, gain in mixer.gains(adapter).items() if gain != 1}
    wait_until(board.page, lambda: now() == expected, lambda: f"expected {expected}, heard {now()}")


def all_at(mixer: Mixer, gain: float, adapter: str = "pirate") -> dict[str, float]:
    return dict.fromkeys(mixer.gains(adapter), gain)


def test_the_master_fader_moves_every_target_and_no_other_adapter(board: Board, mixer: Mixer) -> None:
    board.master().fill("0.5")
    heard(board, mixer, all_at(mixer, 0.5))
    heard(board, mixer, {}, "poet")
