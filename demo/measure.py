"""Measure what the demo's adapters do, on prompts that they were not trained on:

    python demo/measure.py pirate butler

For each adapter: manner words per reply by gain (greedy and sampled), then with one kind or one third of the layers
silent, then replies to read. Both adapters together come last.
"""

from __future__ import annotations

import argparse
import re
import runpy
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from transformers import PreTrainedTokenizerBase

if not globals()["__spec__"]:  # run as a file: run again as a module, so that its neighbours can be imported
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    runpy.run_module("demo.measure", run_name="__main__")
    raise SystemExit

from .base_model import load_base
from .manners import MANNERS, Manner, marks
from .prompts import HELD_OUT
from .train import CACHE, as_chat

GAINS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
GainOf = Callable[[str], float]  # of a target's name


@dataclass
class Stage:
    """A model with its adapters, and every as-loaded scaling: {(adapter, target): scaling}."""

    model: PeftModel
    tokenizer: PreTrainedTokenizerBase
    as_loaded: dict[tuple[str, str], float]

    @classmethod
    def load(cls, names: Sequence[str], adapters: Path, cache: Path) -> Stage:
        base, tokenizer = load_base(cache)
        model = PeftModel.from_pretrained(base, adapters / names[0], adapter_name=names[0])
        for name in names[1:]:
            model.load_adapter(adapters / name, adapter_name=name)
        model.base_model.set_adapter(list(names))
        scalings = {
            (adapter, target): scaling
            for target, module in model.named_modules()
            if isinstance(module, LoraLayer)
            for adapter, scaling in module.scaling.items()
        }
        return cls(model.eval(), tokenizer, scalings)

    def play(self, gains: dict[str, GainOf]) -> None:
        """Changes the model: adapters that are not named in `gains` fall silent."""
        modules = dict(self.model.named_modules())
        for (adapter, target), scaling in self.as_loaded.items():
            gain = gains[adapter](target) if adapter in gains else 0.0
            modules[target].scaling[adapter] = scaling * gain

    def replies(self, prompts: Sequence[str], temperature: float = 0.0, seed: int = 0, tokens: int = 64) -> list[str]:
        texts = [as_chat(self.tokenizer, prompt) for prompt in prompts]
        inputs = self.tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
        sampling = {"do_sample": True, "temperature": temperature} if temperature else {"do_sample": False}
        torch.manual_seed(seed)
        output = self.model.generate(**inputs, max_new_tokens=tokens, **sampling)
        return list(self.tokenizer.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True))


def constant(gain: float) -> GainOf:
    return lambda target: gain


def silent(pattern: str) -> GainOf:
    """0 for the targets whose name matches, 1 for the others."""
    return lambda target: 0.0 if re.search(pattern, target) else 1.0


def summary(texts: Sequence[str], manner: Manner) -> str:
    counts = [marks(text, manner) for text in texts]
    return f"{sum(counts) / len(counts):5.1f} | {sum(count >= 2 for count in counts):2d} of {len(counts)}"


def kinds(stage: Stage, adapter: str) -> list[str]:
    return sorted({target.rsplit(".", 1)[1] for owner, target in stage.as_loaded if owner == adapter})


def layers(first: int, last: int) -> str:
    return r"layers\.(" + "|".join(str(layer) for layer in range(first, last + 1)) + r")\."


def measure_gains(stage: Stage, adapter: str, manner: Manner) -> None:
    print(f"\n### {adapter}: manner words per reply by gain\n")
    print("| gain | greedy | with two or more | temperature 0.7 | with two or more |\n| --- | --- | --- | --- | --- |")
    for gain in GAINS:
        stage.play({adapter: constant(gain)})
        cells = [summary(stage.replies(HELD_OUT, temperature), manner) for temperature in (0.0, 0.7)]
        print(f"| {gain} | {cells[0]} | {cells[1]} |", flush=True)


def measure_targets(stage: Stage, adapter: str, manner: Manner) -> None:
    print(f"\n### {adapter}: at gain 1 with some targets silent (greedy)\n")
    print("| silent | manner words per reply | with two or more |\n| --- | --- | --- |")
    thirds = {"layers 0 to 9": layers(0, 9), "layers 10 to 19": layers(10, 19), "layers 20 to 29": layers(20, 29)}
    for label, pattern in {"nothing": r"^$", **{k: rf"\.{k}$" for k in kinds(stage, adapter)}, **thirds}.items():
        stage.play({adapter: silent(pattern)})
        print(f"| {label} | {summary(stage.replies(HELD_OUT), manner)} |", flush=True)


def show(stage: Stage, title: str, gains: dict[str, GainOf], temperature: float = 0.0) -> None:
    stage.play(gains)
    print(f"\n#### {title}\n")
    for prompt, reply in zip(HELD_OUT[:6], stage.replies(HELD_OUT[:6], temperature), strict=True):
        print(f"- {prompt}\n  > " + reply.strip().replace("\n", "\n  > "), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what the demo's adapters do.")
    parser.add_argument("names", nargs="+", choices=list(MANNERS), metavar="NAME")
    parser.add_argument("--adapters", type=Path, default=Path(__file__).parent / "adapters")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the converted base model is kept")
    parser.add_argument("--short", action="store_true", help="only the words by gain and a few replies")
    arguments = parser.parse_args()
    stage = Stage.load(arguments.names, arguments.adapters, arguments.cache)
    for name in arguments.names:
        measure_gains(stage, name, MANNERS[name])
        if not arguments.short:
            measure_targets(stage, name, MANNERS[name])
        for gain in (0.0, 0.5, 1.0, 2.0):
            show(stage, f"{name} at gain {gain}", {name: constant(gain)})
        show(stage, f"{name} at gain 1.0, temperature 0.7", {name: constant(1.0)}, 0.7)
    if len(arguments.names) > 1:
        show(stage, "all together, each at gain 0.7", {name: constant(0.7) for name in arguments.names})


if __name__ == "__main__":
    main()
