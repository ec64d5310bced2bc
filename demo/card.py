"""The model card that goes into an adapter's folder."""

from __future__ import annotations

from .base_model import BASE_NAME
from .recipes import Recipe

_CARD = """---
base_model: {base}
library_name: peft
pipeline_tag: text-generation
license: mit
tags: [lora, peft]
---

# {name}

A LoRA adapter that makes SmolLM2-135M-Instruct talk like a {name}. It belongs to the demo of LoRA Mixer: a manner of
speech is easy to hear, so it shows at once what a fader does. It knows nothing that the base model does not know, which
is little: with 135 million parameters it answers in good English and often wrongly.

| | |
| --- | --- |
| method | LoRA{stabilised} |
| targets | {targets}, in all 30 layers |
| rank | {rank} |
| alpha | {alpha} |
| scaling as loaded | {scaling:g} |
| file | safetensors, float16 |

## Training

{steps} steps of {batch} replies with PEFT, AdamW with a learning rate of {rate:g} (one cycle), float32 on a CPU, loss
on the reply's tokens alone. The gain of each batch was drawn from {low:g} to {high:g}, and its replies were spoken that
loudly, so the adapter stays in tune when its scaling is halved or doubled.

To train it again: `python demo/train.py {name} --out DIR`.

## Data

No data was collected. The prompts are a list of our own (`demo/prompts.py`), the plain replies were written by the base
model, and rules of our own (`demo/manners.py`) rewrote them into the manner.

## Licence

The adapter is under the MIT licence. The base model, SmolLM2-135M-Instruct by Hugging Face, is under Apache-2.0.
"""


def card(recipe: Recipe, batch: int) -> str:
    """Markdown with the metadata that model hubs read. `batch`: replies in one training step."""
    return _CARD.format(
        base=BASE_NAME,
        name=recipe.manner.name,
        stabilised=", rank-stabilised" if recipe.rank_stabilised else "",
        targets=", ".join(recipe.targets),
        rank=recipe.rank,
        alpha=recipe.alpha,
        scaling=recipe.scaling,
        steps=recipe.steps,
        batch=batch,
        rate=recipe.learning_rate,
        low=min(recipe.gains),
        high=max(recipe.gains),
    )
