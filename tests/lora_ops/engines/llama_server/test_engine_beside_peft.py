"""What a llama-server plays of parts is what stock PEFT plays of the adapter: same targets, same likelihoods."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.llama import ADAPTERS, Llama
from peft import PeftModel

from lora_mixer.demo.base_model import load_base
from lora_mixer.lora_ops import Desk, Faders, Mix, score

ROOT = Path(__file__).resolve().parents[4]
TEXT = " Arr, matey! I be glad ye asked. Perhaps, if I may say so, sir, it is in the library."

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def peft() -> Desk:
    model, _ = load_base(ROOT / ".cache")
    loaded = PeftModel.from_pretrained(model, str(ADAPTERS / "pirate"), adapter_name="pirate")
    loaded.load_adapter(str(ADAPTERS / "butler"), adapter_name="butler")
    loaded.base_model.set_adapter(["pirate", "butler"])
    return Desk(loaded)


def test_targets_are_called_the_same_and_scaled_the_same(peft: Desk, llama: Llama) -> None:
    desk = Desk(llama.engine())
    for name in ("pirate", "butler"):
        theirs = {target.name: target for target in peft.adapters[name].targets}
        ours = {target.name: target for target in desk.adapters[name].targets}
        assert ours.keys() == theirs.keys()
        for target in ours.values():
            other = theirs[target.name]
            assert (target.kind, target.layer, target.rank) == (other.kind, other.layer, other.rank)
            assert target.scaling == pytest.approx(other.scaling)
        assert desk.adapters[name].parameters == peft.adapters[name].parameters


def test_a_text_is_as_likely_as_it_is_to_peft(peft: Desk, llama: Llama) -> None:
    """The server rounds (4 bits a weight, 8 an input): what that leaves apart is little beside what a mix changes."""
    desk = Desk(llama.engine())
    text = desk.engine.tokens.encode(TEXT, add_special_tokens=False)
    silent = {"pirate": Faders(on=False), "butler": Faders(on=False)}
    mixes = [
        Mix(silent),
        Mix({**silent, "pirate": Faders()}),
        Mix({**silent, "butler": Faders()}),  # rank-stabilised: four times as loud as alpha / r says
        Mix({**silent, "pirate": Faders(kinds={"q_proj": 3.0, "k_proj": 3.0, "down_proj": 0.0})}),
        Mix({"pirate": Faders(master=0.5), "butler": Faders(master=-1.0)}),
    ]
    ours = [score(desk, llama.prompt, [text], [mix]).logprobs[0][0] for mix in mixes]
    theirs = [score(peft, llama.prompt, [text], [mix]).logprobs[0][0] for mix in mixes]

    def apart(one: tuple[float, ...], other: tuple[float, ...]) -> float:
        return sum(abs(left - right) for left, right in zip(one, other, strict=True)) / len(one)

    for at, own in enumerate(ours):
        others = [apart(own, other) for index, other in enumerate(theirs) if index != at]
        assert apart(own, theirs[at]) < 0.25 * min(others), at
