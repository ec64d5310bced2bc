"""The commands and what they are called; each lives in a file of its own."""

from __future__ import annotations

import typer

from . import baking, inspecting, measuring

app = typer.Typer(
    name="lora_mixer",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="**LoRA Mixer** without its page: look at adapters, measure them, and write mixes to disk.\n\n"
    "A *gain* is what an adapter's loudness is multiplied by: 1 is as trained, 0 silent, 2 twice as loud. Gains come "
    "from a mix or profile that the page saved (`--mix FILE`), and from `--gain`, as often as you like:\n\n"
    "* `--gain 0.5` the only adapter, whole\n\n"
    "* `--gain pirate=0.5` the adapter pirate\n\n"
    "* `--gain pirate:q_proj=0` one kind\n\n"
    "* `--gain pirate:12=2` layer 12\n\n"
    "* `--gain pirate:model.layers.3.mlp.up_proj=0` one target\n\n"
    "An adapter is the folder that it lies in, or `NAME=FOLDER` to give it another name.",
    epilog="Exit status: 0 done, 1 failed on the way, 2 not understood or not possible. `--debug` shows where an error "
    "came from.",
)

app.command("inspect")(inspecting.inspect)
app.command("bake")(baking.bake)
app.command("combine")(baking.combine)
app.command("merge")(baking.merge)
app.command("loudness")(measuring.loudness)
app.command("impact")(measuring.impact)
