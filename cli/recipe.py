"""`recipe`: what to try at an adapter's next training."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from . import arguments as asking
from .options import Mixing, shared
from .output import progress, show_json


class Form(str, Enum):
    """What it is written as."""

    lines = "lines"
    peft = "peft"
    textgen = "textgen"
    axolotl = "axolotl"
    llama_factory = "llama-factory"
    unsloth = "unsloth"


Measured = Annotated[
    Path | None,
    typer.Option("--impact", metavar="FILE", help="What `impact --json` printed.", show_default=False),
]
Loud = Annotated[
    Path | None,
    typer.Option("--loudness", metavar="FILE", help="What `loudness --json` printed.", show_default=False),
]


@shared
def recipe(
    adapter: asking.OneAdapter,
    mixing: Mixing,
    form: Annotated[
        Form, typer.Option("--format", help="Lines that say where it comes from, or the settings of a trainer.")
    ] = Form.lines,
    energy: Annotated[
        float, typer.Option("--energy", metavar="SHARE", help="How much of what it adds the rank is to hold.")
    ] = 0.95,
    impact: Measured = None,
    loudness: Loud = None,
    as_json: asking.AsJson = False,
) -> None:
    """Tell what to try at the next training: rank and alpha, where to train, and how sure that is.

    Reads the adapter's folder alone, no base model. Gains that sounded right, and what was measured, make it surer.

    Examples:

    * `recipe loras/pirate --gain 0.5`

    * `impact loras/pirate --model demo --json > impact.json`

    * `recipe loras/pirate --impact impact.json --format peft`
    """
    from ..lora_ops.energy import check_share
    from ..lora_ops.measure.spectrum import spectrum_weights
    from ..lora_ops.mix_check import check_mix
    from ..lora_ops.shelf.adapter_weights import read_weights
    from ..lora_ops.training.formats import RECIPE_FORMATS, plain_lines, write_recipe
    from ..lora_ops.training.recipe import recipe as made_of

    check_share(energy)
    [(name, folder)] = asking.named([adapter]).items()
    gains = mixing.of([name])
    facts, levels = _read(impact, "impact"), _read(loudness, "loudness")
    weights = read_weights(folder, name)
    check_mix(gains, {name: weights.adapter})
    with progress("measuring", as_json):
        found = spectrum_weights([weights])
    made = made_of(found, weights.adapter, gains, impact=facts, loudness=levels, energy=energy)
    if as_json:
        texts = {one: write_recipe(made, one) for one in RECIPE_FORMATS}
        show_json({"mix": gains.to_dict(), "energy": energy, **made.to_dict(), "formats": texts})
    elif form is Form.lines:
        typer.echo("\n".join(plain_lines(made)))
    else:
        typer.echo(write_recipe(made, form.value), nl=False)


def _read(file: Path | None, what: str) -> Any:
    """What a measuring command printed.

    Raises:
        ValueError: the file cannot be read, or holds something else.
    """
    if file is None:
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is not JSON: {error}") from error
    if not isinstance(found, dict) or "kinds" not in found:
        raise ValueError(f"{file} holds no {what}: write it with `lora-mixer {what} … --json > {file.name}`")
    return found
